"""Effects at a provider without idempotency keys: a request that might have been sent is looked up
by its tag before it is repeated, and a delayed process sends nothing late.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from effects import kinds
from effects import perform as performing
from effects.kind import Cost, Kind
from effects.perform import MAX_GENERATIONS, InDoubt, perform
from effects.reserve import reserve_for_account
from models.effects.effect import Effect
from models.transactions import transaction
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import Conflict, Misconfigured, NotYet
from runtime.settings import get_settings
from tests import given


class Shelf:
    """A provider without keys: each request that arrives creates another thing under its tag."""

    def __init__(self) -> None:
        self.things: list[str] = []
        self.before: list[Callable[[], None]] = []
        self.after: list[Callable[[], None]] = []

    def send(self, effect):
        for happening in self._due(self.before):
            happening()
        self.things.append(effect.request["tag"])
        for happening in self._due(self.after):
            happening()
        return {"id": f"thing-{len(self.things)}"}

    def find(self, effect):
        tag = effect.request["tag"]
        return {"id": f"thing-{self.things.index(tag) + 1}"} if tag in self.things else None

    @staticmethod
    def _due(happenings):
        due, happenings[:] = list(happenings[:1]), happenings[1:]
        return due


def fails(outcome, answered=False):
    def happen():
        raise ProviderError("shelf", outcome, "as ordered", "ordered", answered=answered)

    return happen


class Killed(BaseException):
    """The process dies here."""


def dies():
    raise Killed


@pytest.fixture
def shelf(database_url, monkeypatch):
    monkeypatch.setenv("PAYPHONE_SETTLING", "0")
    get_settings.cache_clear()
    shelf = Shelf()
    kind = Kind(
        name="shelved",
        provider="shelf",
        does="Put a thing on a shelf",
        recorded_by="deploy_account",
        many_per_job=True,
        daily_limit=None,
        costs=Cost.NOTHING,
        undone_by=None,
        expires=False,
        keep=("id",),
        send=shelf.send,
        find=shelf.find,
        keyed=False,
    )
    monkeypatch.setitem(kinds._BY_NAME, "shelved", kind)
    shelf.kind = kind
    yield shelf
    get_settings.cache_clear()


@pytest.fixture
def effect(shelf):
    account = given.an_account()
    with transaction():
        return reserve_for_account(
            shelf.kind, "dst_1", {"tag": "tag-1"}, account.id, "test", "a test"
        )


def fresh(effect):
    """Return the effect as another process reads it."""
    return Effect.get_by_id(effect.id)


def test_performing_an_answered_effect_again_creates_nothing(shelf, effect):
    assert perform(effect) == {"id": "thing-1"}
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert shelf.things == ["tag-1"]


def test_an_object_with_a_lost_response_is_found_by_its_tag(shelf, effect):
    """Given a lost answer, when the effect is performed again, then the thing is found, not created
    again.
    """
    shelf.after.append(fails("unknown"))
    with pytest.raises(ProviderError):
        perform(effect)
    assert fresh(effect).state == "unknown"
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert shelf.things == ["tag-1"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_killed_around_the_call_leaves_one_object(shelf, effect, when):
    """Given a process killed before or after the call, when another one goes on, then there is one
    thing.
    """
    getattr(shelf, when).append(dies)
    with pytest.raises(Killed):
        perform(effect)
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert shelf.things == ["tag-1"]
    assert fresh(effect).generation == (2 if when == "before" else 1)


def test_a_lost_request_is_resent_only_after_the_providers_list_has_settled(
    shelf, effect, monkeypatch
):
    """Given a request lost on its way, when the provider's record has settled without it, then it
    is sent again, once.
    """
    shelf.before.append(fails("unknown"))
    with pytest.raises(ProviderError):
        perform(effect)
    monkeypatch.setenv("PAYPHONE_SETTLING", "60")
    get_settings.cache_clear()
    with pytest.raises(NotYet, match="a moment ago"):
        perform(fresh(effect))
    assert shelf.things == []
    Effect.update(last_sent_at=real_now() - timedelta(seconds=61)).execute()
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert shelf.things == ["tag-1"]
    assert fresh(effect).generation == 2


def test_a_request_that_never_arrives_stays_in_doubt(shelf, effect):
    shelf.before += [fails("unknown")] * MAX_GENERATIONS
    for _ in range(MAX_GENERATIONS):
        with pytest.raises(ProviderError):
            perform(fresh(effect))
    with pytest.raises(InDoubt):
        perform(fresh(effect))
    assert (shelf.things, fresh(effect).state) == ([], "unknown")


def test_retry_later_answers_leave_no_doubt(shelf, effect):
    """Given a provider that says "later" again and again, then that uses up no generation and
    leaves no doubt.
    """
    shelf.before += [fails("retry_later")] * (MAX_GENERATIONS + 2)
    for _ in range(MAX_GENERATIONS + 2):
        with pytest.raises(ProviderError):
            perform(fresh(effect))
        assert not fresh(effect).in_doubt
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert fresh(effect).generation == 1


def test_a_missing_setting_leaves_no_doubt(shelf, effect):
    def not_set():
        raise Misconfigured("SHELF_KEY is not set.")

    shelf.before.append(not_set)
    with pytest.raises(Misconfigured):
        perform(effect)
    assert not fresh(effect).in_doubt
    assert perform(fresh(effect)) == {"id": "thing-1"}


def test_a_refusal_after_an_unknown_outcome_is_looked_up(shelf, effect):
    """Given a first try that takes effect late, when the second is refused, then the thing is
    found.
    """
    shelf.after.append(fails("unknown"))
    with pytest.raises(ProviderError):
        perform(effect)
    things, shelf.things = shelf.things, []
    shelf.before.append(lambda: shelf.things.extend(things) or fails("refused")())
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert fresh(effect).state == "sending"


def test_only_one_of_two_processes_with_the_same_row_sends(shelf, effect):
    """Given two processes with the same unsent row, then one sends and the other stops."""
    first, second = fresh(effect), fresh(effect)
    shelf.after.append(fails("unknown"))
    with pytest.raises(ProviderError):
        perform(first)
    with pytest.raises(Conflict):
        perform(second)
    assert shelf.things == ["tag-1"]


def stopped_before_the_call(monkeypatch, meanwhile):
    """Stop this process right before its call, and let `meanwhile` act as another one."""
    struck = []

    def stop(name):
        if name == "effect.before_call" and not struck:
            struck.append(name)
            meanwhile()

    monkeypatch.setattr(performing, "killpoint", stop)


def test_a_frozen_process_sends_nothing_after_another_has_sent(shelf, effect, monkeypatch):
    """Given a process frozen right before its call, when another has begun again and sent, then it
    sends nothing.
    """
    stopped_before_the_call(monkeypatch, lambda: perform(fresh(effect)))
    with pytest.raises(Conflict):
        perform(effect)
    assert shelf.things == ["tag-1"]
    assert fresh(effect).generation == 2


def test_a_frozen_process_sends_nothing_after_another_has_begun_again(shelf, effect, monkeypatch):
    """Given another process that has begun again and not sent yet, then the frozen one does not
    send in its place.
    """
    stopped_before_the_call(monkeypatch, lambda: fresh(effect).record_next_generation())
    with pytest.raises(Conflict):
        perform(effect)
    assert shelf.things == []
    assert perform(fresh(effect)) == {"id": "thing-1"}


def test_a_frozen_process_sends_nothing_after_its_effect_was_refused(shelf, effect, monkeypatch):
    """Given an effect refused in the meantime, such as by an undo, then nothing is sent."""
    stopped_before_the_call(
        monkeypatch, lambda: fresh(effect).record_refused("not_made", "given up", real_now())
    )
    with pytest.raises(Conflict):
        perform(effect)
    assert shelf.things == []


def test_a_process_delayed_too_long_leaves_no_doubt(shelf, effect, monkeypatch):
    """Given a process that resumes too late and was not replaced, then the next one sends at
    once.
    """

    def too_long():
        monkeypatch.setattr(performing, "LEAVE_WITHIN", timedelta(seconds=-1))

    stopped_before_the_call(monkeypatch, too_long)
    with pytest.raises(NotYet, match="delayed"):
        perform(effect)
    assert not fresh(effect).in_doubt
    monkeypatch.setattr(performing, "LEAVE_WITHIN", timedelta(seconds=15))
    assert perform(fresh(effect)) == {"id": "thing-1"}
    assert fresh(effect).generation == 1


def test_an_object_created_before_a_restored_backup_is_found(shelf, effect, monkeypatch):
    """Given a restored row that does not know of an earlier send, two minutes after the request,
    then its tag is looked up first.
    """
    kind = replace(shelf.kind, find_asked=lambda effect, _since: shelf.find(effect))
    monkeypatch.setitem(kinds._BY_NAME, "shelved", kind)
    shelf.things.append("tag-1")
    assert perform(effect, asked_at=real_now() - timedelta(minutes=2)) == {"id": "thing-1"}
    assert shelf.things == ["tag-1"]
