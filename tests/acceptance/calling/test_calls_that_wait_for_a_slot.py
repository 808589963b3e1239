"""More calls are wanted than there are slots: a call that ends gives its slot to one that waits."""

from contextlib import suppress
from datetime import timedelta

import pytest

from delivery import attempt
from jobs.dial_overdue import NO_SLOT_DELAY
from models.accounts.account import Account
from models.calling.call_slot import CallSlot
from models.contact.opt_out import OptOut
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.transactions import transaction
from runtime.clock import real_now
from runtime.settings import get_settings
from tests import given
from tests.stories.calling import Calling


@pytest.fixture(autouse=True)
def two_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALL_SLOTS", "2")
    get_settings.cache_clear()


def takes_slots(*call_ids: str) -> None:
    later = real_now() + timedelta(hours=1)
    for number, call_id in enumerate(call_ids, start=1):
        CallSlot.create(number=number, call_id=call_id, leased_until=later)


def ends(*call_ids: str) -> None:
    with transaction():
        for call_id in call_ids:
            CallSlot.release(call_id)


def is_under_way(calling: Calling) -> str:
    """Return the id of a call of the clinic's that counts as under way: no job will place it."""
    call_id = str(calling.asks().json["id"])
    StagedJob.delete().where(StagedJob.key == call_id).execute()
    return call_id


# as every release wrote it into rows that may still be waiting
NO_SLOT = "as many calls as there may be are under way"


def waits(key: str, account: Account, why: str = NO_SLOT) -> int:
    with transaction():
        job_id = stage("dial_overdue", key, key, fair_to=account.id, delay=NO_SLOT_DELAY)
    assert job_id is not None
    StagedJob.update(last_error=why).where(StagedJob.id == job_id).execute()
    return job_id


def due() -> list[str]:
    """Return the keys of the calls that are due."""
    rows = StagedJob.select(StagedJob.key).where(
        StagedJob.name == "dial_overdue",
        StagedJob.state == "waiting",
        StagedJob.due_at <= given.database_now(),
    )
    return sorted(row.key for row in rows)


def test_waiting_call_is_placed_as_soon_as_a_slot_is_free(calling: Calling):
    """Given all slots taken, when a call ends, then the waiting call is placed at once, before its
    next scheduled attempt.
    """
    takes_slots("call_one", "call_two")
    calling.habits(rings_after=3600)
    asked = calling.asks()
    given.relayed(calling.redis)
    given.worked(calling.redis, "calls")
    assert (calling.call(asked.json["id"]).state, due()) == ("waiting", [])

    ends("call_two")
    given.relayed(calling.redis)
    given.worked(calling.redis, "calls")

    assert calling.call(asked.json["id"]).state == "queued"
    assert {row.call_id for row in CallSlot.select()} == {"call_one", asked.json["id"]}


def test_slot_released_just_before_the_snooze_wakes_the_call(
    calling: Calling, monkeypatch: pytest.MonkeyPatch
):
    """Given all slots taken, when one is released between a call's search for a slot and its
    snooze, then the call is woken all the same.
    """
    takes_slots("call_one", "call_two")
    asked = calling.asks()
    snooze_job = attempt.snooze_job

    def late(*given):
        ends("call_two")
        return snooze_job(*given)

    monkeypatch.setattr(attempt, "snooze_job", late)
    given.relayed(calling.redis)
    given.worked(calling.redis, "calls", rounds=1)
    assert due() == [asked.json["id"]]


def test_refused_call_passes_its_slot_to_the_next_waiting_call(calling: Calling):
    """Given two calls that wait for one slot, when the first is refused, then the second is
    woken.
    """
    takes_slots("call_one", "call_two")
    calling.habits(rings_after=3600)
    asked = calling.asks()
    given.relayed(calling.redis)
    given.worked(calling.redis, "calls")
    waits("next", calling.account)
    words = {"words": "stop", "source": "test", "recorded_by": "test"}
    OptOut.record(calling.account.id, calling.phone, "stop", ["voice"], **words)

    ends("call_two")
    assert due() == [asked.json["id"]]
    given.relayed(calling.redis)
    given.worked(calling.redis, "calls", rounds=1)

    assert calling.call(asked.json["id"]).state == "refused"
    assert due() == ["next"]


def test_free_slot_goes_to_the_account_with_the_fewest_active_calls(calling: Calling):
    """Given a clinic with a call under way and several waiting, and another clinic with one waiting
    behind them, then the next slot goes to the other clinic; within a clinic, the oldest call goes
    first.
    """
    other = given.an_account(name="Hill Clinic")
    under_way = is_under_way(calling)
    takes_slots(under_way, "call_two")
    for key in ("1", "2", "3"):
        waits(key, calling.account)
    waits("4", other)

    ends("call_two")
    assert due() == ["4"]
    StagedJob.delete().where(StagedJob.key == "4").execute()
    ends(under_way)

    assert due() == ["1", "2"]  # both slots are free by now


def test_no_call_is_woken_unless_a_slot_is_free(calling: Calling):
    """Given an inbound call in a slot beyond the limit, then its end frees none; and a call that
    waits for another reason is never woken.
    """
    takes_slots("call_one", "call_two", "call_that_came_in")
    waits("1", calling.account)
    ends("call_that_came_in")
    assert due() == []

    waits("other", calling.account, why="the books are not current")
    ends("call_one")
    assert due() == ["1"]


def test_rolled_back_release_of_a_slot_wakes_no_call(calling: Calling):
    takes_slots("call_one", "call_two")
    waits("1", calling.account)

    with suppress(ValueError), transaction():
        CallSlot.release("call_one")
        raise ValueError("rolls back")

    assert due() == []
