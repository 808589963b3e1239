"""Delivery reports of texts, in any order and number, early, late, and about texts that are not
ours.
"""

import sys
from datetime import timedelta
from importlib import import_module
from itertools import permutations

import pytest

from jobs.poll_text_statuses import poll_text_statuses
from models.books.inbox_event import InboxEvent
from models.contact.message import Message
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from runtime.clock import real_now
from tests import given
from tests.stories.texting import Texting


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


@pytest.mark.one_database
@pytest.mark.parametrize("order", list(permutations(["queued", "sent", "delivered"])))
def test_reports_count_by_rank_not_by_order(clinic, order):
    message = clinic.send()
    for status in (*order, *order):
        assert clinic.report(message, status).status_code == 204
    assert clinic.message(message.id).status == "delivered"
    assert InboxEvent.select().where(InboxEvent.provider == "twilio").count() == 3


@pytest.mark.parametrize(
    "order",
    [
        ("sending", "undelivered"),
        ("undelivered", "sending"),
        ("undelivered", "sent"),
        ("queued", "undelivered"),
    ],
)
def test_a_failure_is_not_undone_by_an_older_report(clinic, order):
    message = clinic.send()
    for status in order:
        clinic.report(message, status, "30007" if status == "undelivered" else "")
    row = clinic.message(message.id)
    assert (row.status, row.error_code) == ("undelivered", "30007")


def test_a_delivery_report_with_nul_bytes_still_counts(clinic):
    message = clinic.send()
    assert clinic.report(message, "undelivered\0", "3\x0000\x0007", Detail="\0").status_code == 204
    row = clinic.message(message.id)
    assert (row.status, row.error_code) == ("undelivered", "30007")


def test_a_report_may_arrive_before_our_own_response_is_recorded(clinic):
    """Given a report that arrives before our own answer is recorded, then the effect id in its URL
    settles the text, and later writes set nothing back.
    """
    clinic.send()
    clinic.deliver()
    clinic.ask()
    message = clinic.message()
    effect = import_module("jobs.send_payment_link")._decide(message)
    assert clinic.report(clinic.message(message.id), "delivered").status_code == 204
    assert (clinic.message(message.id).status, clinic.effect(message).state) == (
        "delivered",
        "confirmed",
    )
    clinic.work()
    assert (clinic.message(message.id).status, clinic.job().state, clinic.effect(message).id) == (
        "delivered",
        "done",
        effect.id,
    )
    assert len(clinic.sent()) == 1


def test_a_report_about_an_unknown_text_is_stored_and_changes_nothing(clinic):
    message = clinic.send()
    stranger = Message(sid=f"SM{'9' * 32}", to=message.to, effect_id="eff_unknown")
    assert clinic.report(stranger, "delivered").status_code == 204
    assert clinic.report(message, "delivered", sid=f"SM{'8' * 32}").status_code == 204
    assert clinic.report(message, "delivered", To="+12025550000").status_code == 204
    assert [
        row.outcome
        for row in (
            InboxEvent.select().where(InboxEvent.provider == "twilio").order_by(InboxEvent.id)
        )
    ] == ["unmatched", "refused", "refused"]
    assert clinic.message(message.id).status == "accepted"


def test_an_unknown_status_changes_nothing(clinic):
    message = clinic.send()
    assert clinic.report(message, "teleported").status_code == 204
    assert clinic.message(message.id).status == "accepted"
    assert Effect.select().where(Effect.state == "confirmed", Effect.kind == "text").count() == 1


def test_a_text_with_lost_reports_is_polled(clinic):
    """Given a text whose reports were lost while the web was down (Twilio reports only twice), then
    its status is polled.
    """
    message = clinic.send()
    clinic.stand_in.sandbox.deliver_due(lambda _delivery, _headers: 503)
    clinic.stand_in.sandbox.shared.outbox.all.clear()
    assert clinic.message(message.id).status == "accepted"
    Message.update(updated_at=real_now() - timedelta(minutes=11)).execute()
    poll_text_statuses.perform()
    given.worked(clinic.redis, "periodic")
    given.retried(clinic.redis, "periodic", 1)
    assert clinic.message(message.id).status == "delivered"
    poll_text_statuses.perform()
    assert clinic.job("poll_text_status").key.startswith(message.id)
    assert len(clinic.requests()) == 1


def test_texts_beyond_one_batch_are_polled_within_the_hour(clinic, monkeypatch):
    """Given more texts under way than one run stages, when Twilio has nothing new about the first,
    then the others get their turn within the hour.
    """
    monkeypatch.setattr(sys.modules["jobs.poll_text_statuses"], "BATCH", 1)
    message = clinic.send()
    for number in range(3):
        copy = {**message.__data__, "id": f"msg_{number}", "sid": f"SM{number}", "effect_id": None}
        Message.create(**copy | {"status": "sent"})
    Message.update(updated_at=real_now() - timedelta(minutes=11)).execute()
    job_id = given.a_job("poll_text_statuses", 1, "periodic")
    StagedJob.update(args="[]").where(StagedJob.id == job_id).execute()
    given.retried(clinic.redis, "periodic", 5)
    asked = StagedJob.select().where(StagedJob.name == "poll_text_status")
    assert {row.args for row in asked} == {f'["{row.id}"]' for row in Message.select()}


def test_a_poll_staged_under_the_jobs_former_name_is_not_staged_again(clinic, monkeypatch):
    """Given a text whose poll of this hour was staged under the job's former name, then the job
    ends, and stages no second poll.
    """
    monkeypatch.setattr(sys.modules["jobs.poll_text_statuses"], "BATCH", 1)
    message = clinic.send()
    Message.update(updated_at=real_now() - timedelta(minutes=11)).execute()
    about = {"queue": "periodic", "max_attempts": 3, "due_at": 0, "created_at": 0, "state": "done"}
    for hour in (real_now(), real_now() + timedelta(hours=1)):
        StagedJob.create(name="follow_text", key=f"{message.id}:{hour:%Y%m%d%H}", **about)
    poll_text_statuses.perform()
    assert not StagedJob.select().where(StagedJob.name == "poll_text_status").exists()


def followed(clinic: Texting) -> None:
    """Poll the texts that have had no recent report."""
    poll_text_statuses.perform()
    given.worked(clinic.redis, "periodic")
    given.retried(clinic.redis, "periodic", 1)


@pytest.mark.one_database
@pytest.mark.parametrize("status", ["accepted", "queued", "scheduled"])
@pytest.mark.parametrize("known_to_twilio", [True, False])
def test_a_text_without_a_report_for_two_days_counts_as_undelivered(
    clinic, status, known_to_twilio
):
    """Given a text without a report after two days (Twilio queues none for more than ten hours),
    then it counts as undelivered and another can be requested; a late report still counts.
    """
    clinic.twilio.books.step = 10**7  # seconds between two statuses, so that it never advances
    message = clinic.send()
    clinic.twilio.books.messages[message.sid]["status"] = status
    if not known_to_twilio:
        del clinic.twilio.books.messages[message.sid]
    Message.update(
        status=status,
        created_at=real_now() - timedelta(days=2, minutes=1),
        updated_at=real_now() - timedelta(hours=1),
    ).execute()
    assert clinic.ask().json["message"]["id"] == message.id
    followed(clinic)
    shown = clinic.get(f"/api/invoices/{clinic.invoice.id}/messages")["data"][0]
    assert (shown["status"], shown["code"], shown["advice"]["then"]) == (
        "undelivered",
        "no_report",
        "look_up",
    )
    again = clinic.send()
    assert (again.id == message.id, len(clinic.requests())) == (False, 2)
    assert clinic.report(message, "delivered").status_code == 204
    row = clinic.message(message.id)
    assert (row.status, row.error_code, row.error) == ("delivered", None, None)


def test_a_text_is_not_given_up_while_twilio_fails_or_has_a_newer_status(clinic):
    message = clinic.send()
    old = {
        "created_at": real_now() - timedelta(days=3),
        "updated_at": real_now() - timedelta(days=3),
    }
    Message.update(**old).execute()
    clinic.stand_in.sandbox.inject_fault(
        kind="error_500",
        provider="twilio",
        path="/2010-04-01/Accounts/*/Messages/*",
        method="GET",
        times=20,
    )
    followed(clinic)
    assert clinic.message(message.id).status == "accepted"
    with clinic.twilio.shared.lock:
        clinic.twilio.shared.faults.clear()
    clinic.stand_in.sandbox.deliver_due(lambda _delivery, _headers: 503)
    given.retried(clinic.redis, "periodic", 1)
    assert clinic.message(message.id).status == "delivered"
