"""This release finishes what the first release left in its database: each intent gets one effect.

That release dumped the databases itself (`tests/data/dump_first_release.py` says how), on both
engines, together with the state of the providers' stand-ins: every job waits, and every kind of
effect is in every state, left by processes that got an answer, got none, or were killed. The times
are shifted, so that the release ended a minute, or thirty hours, ago.
"""

import json
import lzma
import re
import sqlite3
import time
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from delivery.attempt import UNKNOWN
from delivery.registry import find_job, job_names
from delivery.schedule import stage_tick, timetable
from models import transactions
from models.books.reconciliation import Reconciliation
from models.contact.message import Message
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.feed.webhook_delivery import WebhookDelivery
from models.invoices.invoice import Invoice
from models.migrate import migrate, pending
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.payments.refund_request import RefundRequest
from providers.twilio import client as twilio_api
from runtime.clock import move_business_time
from runtime.settings import QUEUES, get_settings
from sandbox.state_file import load
from sandbox.stripe.provider import PLATFORM
from tests import given
from tests.running.processes import close_database, reset_process
from tests.stories.texting import TWILIO, local_hour
from tests.watching.declared import DeclaredClient
from web.app import create_app

DATA = Path(__file__).parents[2] / "data" / "first_release"
SINCE = {  # jobs that the first release did not have
    "ask_stripe_again",
    "decide_promises",
    "dial_overdue",
    "end_late_call",
    "find_missed_calls",
    "find_unseen_debtors",
    "look_up_number",
    "order_card_entry",
    "read_inbound_texts",
    "read_missed_calls",
    "read_sender_registration",
    "read_sender_registrations",
    "scan_overdue",
    "take_missed_text",
}
NAMES = json.loads((Path(__file__).parents[2] / "contract" / "names.json").read_text("utf-8"))
DAY = 86_400
MINUTE, THIRTY_HOURS = 60, 30 * 3_600
NEAR = 60 * DAY  # a number nearer to the dump's time than this is taken for a time
RFC_2822 = r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000"
MADE = {"payment_link": "payment_link", "refund": "refund", "intent_create": "payment_intent"}
Json = dict[str, Any]


def kept(name: str) -> str:
    return lzma.decompress((DATA / f"{name}.xz").read_bytes()).decode()


def moved(text: str, dumped_at: float, seconds: int) -> str:
    """Return the text with every time in it `seconds` later."""

    def number(found: re.Match[str]) -> str:
        unit = 1_000_000 if len(found[0]) > 10 else 1
        value = int(found[0])
        return str(value + seconds * unit) if abs(value / unit - dumped_at) < NEAR else found[0]

    def date(found: re.Match[str]) -> str:
        return format_datetime(parsedate_to_datetime(found[0]) + timedelta(seconds=seconds))

    return re.sub(RFC_2822, date, re.sub(r"\b1[78]\d{8}(?:\d{6})?\b", number, text))


class FirstRelease:
    """The dumped database and stand-ins, opened by this release."""

    def __init__(self, stand_in, redis, receiver, about: Json, age: int) -> None:
        self.stand_in, self.redis, self.receiver = stand_in, redis, receiver
        self.about, self.age = about, age
        self.client = DeclaredClient(create_app())
        self.left: dict[str, str] = about["left"]
        self.before = {row.id: row for row in Effect.select()}

    # Letting this release run

    def work(self, rounds: int = 6) -> None:
        """Perform the due jobs of every queue and deliver webhooks, `rounds` times."""
        for _ in range(rounds):
            StagedJob.update(lease_until=0).where(StagedJob.state == "running").execute()
            given.make_due()
            given.relayed(self.redis)
            for queue in QUEUES:
                given.worked(self.redis, queue, rounds=1_000)
            self.stand_in.deliver(self.client)

    def hours_pass(self) -> None:
        """Let an hour pass, and run the periodic jobs, among them the reconcilers."""
        hour = 3_600 * 1_000_000
        Effect.update(created_at=Effect.created_at - hour).execute()
        Effect.update(last_sent_at=Effect.last_sent_at - hour).execute()
        earlier = StagedJob.key.concat(" earlier")  # this hour's occurrence may be among them
        StagedJob.update(key=earlier).where(StagedJob.key.contains("@")).execute()
        for name in timetable():
            stage_tick(name)
        self.work()

    # Final states

    def ended(self, kind: str) -> list[tuple[Effect, str, Effect]]:
        """Return each old effect of the kind: its old row, how it was left, and its row now."""
        rows = [row for row in self.before.values() if row.kind == kind and row.id in self.left]
        assert len(rows) == 7
        return [(row, self.left[row.id], Effect.get_by_id(row.id)) for row in rows]

    @cached_property
    def posted(self) -> list[Json]:
        """Every POST that the stand-ins have received, read once all work is over."""
        return self.stand_in.sandbox.shared.requests.select({"method": "POST"})

    def performed(self, effect_id: str) -> int:
        """Return how often the provider has performed the effect since, under any of its keys."""
        mine = [
            row
            for row in self.posted
            if row["provider"] == "stripe" and (row["idempotency_key"] or "").startswith(effect_id)
        ]
        return sum(row["performed"] and not row["replayed"] for row in mine)

    def texted(self, phone: str) -> int:
        """Return how many requests to text this number Twilio has received since."""
        mine = [row for row in self.posted if row["provider"] == "twilio" and row["params"]]
        return sum(row["params"].get("To") == phone for row in mine)

    def find(self, object_id: str) -> Json:
        with self.stand_in.sandbox.shared.lock:
            return dict(self.stand_in.sandbox.stripe.accounts[PLATFORM].find(object_id))

    def jobs(self) -> list[StagedJob]:
        """Return the old jobs' rows as they are now."""
        ids = [number for number, *_ in self.about["jobs"]]
        rows = list(StagedJob.select().where(StagedJob.id.in_(ids)))
        assert len(rows) == len(ids)
        return rows


def was_done(end: str) -> bool:
    """Return whether the provider had performed it before the first release ended."""
    return end == "confirmed" or end.endswith(", done")


@pytest.fixture
def empty_url(database_url, request, tmp_path):
    """An empty database of the requested kind, without tables."""
    close_database()
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'first_release.db'}"
        return
    server = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    close_database()
    server.drop_database(url)


def restore(url: str, sql: str) -> None:
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(sql)
        connection.close()
        return
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())


@pytest.fixture
def found(request, empty_url, valkey, stand_in, receiver, monkeypatch, tmp_path):
    """What the first release left, as many seconds ago as the test's parameter says."""
    engine = "sqlite" if empty_url.startswith("sqlite") else "postgres"
    about = json.loads(kept(f"{engine}.about.json"))
    later = int(time.time() - request.param - about["dumped_at"])
    sql = kept(f"{engine}.sql").replace(about["hook"], receiver.url)
    restore(empty_url, moved(sql, about["dumped_at"], later))
    state = tmp_path / "sandbox.json"
    state.write_text(moved(kept(f"{engine}.sandbox.json"), about["dumped_at"], later))
    load(stand_in.sandbox, str(state))
    settings = {**TWILIO, "TWILIO_API_BASE": stand_in.url, "DATABASE_URL": empty_url}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    reset_process()
    twilio_api.client.cache_clear()
    transactions.use_database(empty_url)
    migrate()
    local_hour("America/New_York", 12)
    receiver.secret = about["secret"]
    yield FirstRelease(stand_in, valkey.client(), receiver, about, request.param)
    move_business_time(None)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()


@pytest.mark.parametrize("found", [MINUTE], indirect=True)
def test_the_dumps_hold_every_job_and_every_effect_in_every_state(found):
    """Without these jobs and effects the other test would show nothing."""
    assert pending() == []
    waiting = {name for _, name, _, state in found.about["jobs"] if state == "waiting"}
    assert {find_job(name).name for name in waiting} <= set(job_names())
    assert waiting >= set(NAMES["jobs"]) - SINCE
    states = {(row.kind, row.state) for row in found.before.values()}
    assert states == set(product(NAMES["effects"], ["sending", "confirmed", "refused", "unknown"]))


@pytest.mark.slow
@pytest.mark.timeout(400)  # hundreds of jobs, effects and webhooks on a possibly busy machine
@pytest.mark.parametrize("found", [MINUTE, THIRTY_HOURS], indirect=True)
def test_each_intent_ends_with_one_effect(found):
    """Given what the first release left, when this one works it off, then nothing is lost or done
    twice. After thirty hours Stripe has forgotten the keys, and unsent texts are no longer wanted.
    """
    found.work()
    found.hours_pass()
    jobs_are_over(found)
    what_was_over_is_left_alone(found)
    nothing_is_done_twice(found)
    rows_and_providers_agree(found)
    no_text_is_sent_again(found)
    names_are_kept(found)
    if found.age == MINUTE:
        all_is_done(found)


def jobs_are_over(found) -> None:
    """Every job is found by its old name and has run; only the search for a lost text ends dead."""
    for row in found.jobs():
        assert find_job(row.name) is not None, row.name
        assert UNKNOWN not in (row.last_error or ""), (row.name, row.last_error)
    left = [row for row in found.jobs() if row.state not in {"done", "cancelled"}]
    assert [row.state for row in left] == ["dead"]
    assert "It will not be sent again; a callback or a person settles it." in left[0].last_error
    assert StagedJob.select().where(StagedJob.state == "running").count() == 0
    assert {row.state for row in WebhookDelivery.select()} == {"delivered"}
    assert found.receiver.events


def what_was_over_is_left_alone(found) -> None:
    for was in found.before.values():
        now = Effect.get_by_id(was.id)
        if was.state in {"confirmed", "refused"}:
            for field in ("state", "provider_id", "answer", "error_code", "settled_at"):
                assert getattr(now, field) == getattr(was, field), (was.kind, field)
            assert found.performed(was.id) == 0


def nothing_is_done_twice(found) -> None:
    """What the provider had done is found and not repeated; anything else is done at most once."""
    for kind in NAMES["effects"]:
        for was, end, now in found.ended(kind):
            told = f"{kind} that was {end} is {now.state} ({now.error_code})"
            times = found.performed(was.id)
            assert times == 0 if was_done(end) or end == "refused" else times <= 1, told
            if kind in MADE:
                made = found.stand_in.made(MADE[kind], was.key.split(":")[1])
                assert len(made) == (now.state == "confirmed"), told
                assert [row["id"] for row in made] == [now.provider_id] * len(made), told
            by_itself = kind == "session_expire"  # it can expire at Stripe too
            if was_done(end) and not by_itself:
                assert now.state == "confirmed", told


def rows_and_providers_agree(found) -> None:
    for row in PaymentAttempt.select().where(PaymentAttempt.intent_id.is_null(False)):
        intent = found.find(row.intent_id)
        assert (row.state == "closed") == (intent["status"] in {"succeeded", "canceled"}), row.id
        assert row.intent_amount == intent["amount"], row.id
    for row in PaymentConfirmation.select():
        intent = found.find(row.attempt.intent_id)
        assert (row.state == "settled") == (intent["status"] == "succeeded"), row.id
        assert row.state in {"settled", "refused"}, row.id
    for row in PaymentLink.select().where(PaymentLink.stripe_link_id.is_null(False)):
        assert (row.state == "active") == found.find(row.stripe_link_id)["active"], row.id
        assert row.state in {"active", "retired"}, row.id
    for row in RefundRequest.select():
        assert row.state in {"confirmed", "refused"}, row.id
        assert len(found.stand_in.refunds(row.id)) == (row.state == "confirmed"), row.id
    for row in Invoice.select():
        ours = row.amount_received - row.amount_returned
        assert ours == found.stand_in.received(row.id), row.number
    last = Reconciliation.select().order_by(Reconciliation.id.desc()).first()
    assert (last.state, last.open_differences()) == ("done", [])


def no_text_is_sent_again(found) -> None:
    """A text whose fate is unknown stays in doubt; one that was sent is not sent again."""
    for was, end, now in found.ended("text"):
        message = Message.get_by_id(was.key.split(":")[1])
        once = end == "sending, only reserved" and found.age == MINUTE
        assert found.texted(message.to) == once, end
        if was_done(end):
            assert (now.state, message.status) == ("confirmed", "delivered"), end
        elif end in {"unknown, not done", "sending, not done"}:
            assert (now.state, message.status) == ("unknown", "unknown"), end
        else:
            assert now.state == "refused", end
            assert message.status == ("delivered" if once else "refused"), end


def names_are_kept(found) -> None:
    """Effect keys and tags at Stripe keep their old form, or they could not be found."""
    made = {row.id for row in Effect.select()} - set(found.before)
    for row in Effect.select():
        shape = NAMES["effect_keys"][row.kind]
        pattern = re.sub(r"\{\w+\}", "[^:]+", shape.replace("[", "(").replace("]", ")?"))
        assert re.fullmatch(pattern, row.key), (row.key, shape)
    tagged = [row for row in Effect.select().where(Effect.kind.in_(list(MADE))) if row.id in made]
    assert {row.kind for row in tagged} == set(MADE)
    assert all(sorted(row.request["metadata"]) == NAMES["stripe_tags"] for row in tagged)


def all_is_done(found) -> None:
    """After a minute all requests are still wanted: everything that was not refused is done."""
    for kind in set(NAMES["effects"]) - {"text"}:
        for was, end, now in found.ended(kind):
            assert now.state == ("refused" if end == "refused" else "confirmed"), (kind, end)
            assert found.performed(was.id) == (not was_done(end) and end != "refused"), (kind, end)
    wanted = ["send_payment_link", "waiting"]
    [waiting] = [key for _, name, key, state in found.about["jobs"] if [name, state] == wanted]
    waited = Message.get_by_id(waiting)
    assert (waited.status, found.texted(waited.to)) == ("delivered", 1)
