"""A text in doubt is never sent again: a report, Twilio's list or a person settles it."""

import threading
from datetime import datetime, timedelta

import pytest

from effects.contact.text import TEXT
from effects.settle import reconcile_owner, settle_refused
from jobs.reconcile_effects import reconcile_effects
from models.base import to_micros
from models.contact.contact_decision import ContactDecision
from models.contact.message import Message
from models.contact.opt_out import OptOut
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.transactions import release_connection
from providers.twilio import messages as twilio_api
from runtime.clock import real_now
from runtime.errors import NotAllowed
from runtime.ids import new_id
from tests import given
from tests.stories.texting import Texting


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    return texting.consents()


def in_doubt(clinic: Texting, fault: str, **more) -> Message:
    """Request a text whose send gets no answer from Twilio."""
    clinic.fault(fault, **more)
    assert clinic.ask().status_code == 202
    given.worked(clinic.redis, "messages")
    for _ in range(4):
        if clinic.message().status != "waiting":
            break
        given.retried(clinic.redis, "messages", 1)
        StagedJob.update(due_at=2**60).where(
            StagedJob.name == "reconcile_text", StagedJob.state == "waiting"
        ).execute()
    message = clinic.message()
    assert (message.status, clinic.effect(message).state) == ("unknown", "unknown")
    return message


LOST = [("refuse_after", {}), ("timeout_after", {"seconds": 0.05}), ("error_500_after", {})]


@pytest.mark.parametrize(("fault", "more"), LOST)
def test_a_delivery_report_settles_a_text_in_doubt(clinic, fault, more):
    message = in_doubt(clinic, fault, **more)
    clinic.deliver()
    assert (clinic.message(message.id).status, clinic.effect(message).state) == (
        "delivered",
        "confirmed",
    )
    clinic.work()
    assert (len(clinic.sent()), len(clinic.requests()), clinic.job("reconcile_text").state) == (
        1,
        1,
        "done",
    )


@pytest.mark.parametrize(("fault", "more"), LOST)
def test_twilios_message_list_settles_a_text_in_doubt(clinic, fault, more):
    """Given no report, since the web was down, then the text is found in Twilio's list by
    number, time and the payment URL in it.
    """
    message = in_doubt(clinic, fault, **more)
    given.retried(clinic.redis, "messages", 1)
    row = clinic.message(message.id)
    assert (row.sid, clinic.effect(row).state) == (clinic.sent()[0]["sid"], "confirmed")
    assert (len(clinic.sent()), len(clinic.requests())) == (1, 1)


@pytest.mark.parametrize("fault", ["timeout_before", "refuse", "error_500", "bad_gateway"])
def test_a_text_that_twilio_does_not_list_stays_in_doubt_and_is_not_resent(clinic, fault):
    """Given a text that Twilio's list does not show, then it stays in doubt, since a frozen sender
    might still wake.
    """
    message = in_doubt(clinic, fault, **({"seconds": 0.05} if fault == "timeout_before" else {}))
    clinic.work(rounds=8)
    assert clinic.ask().json["message"]["id"] == message.id
    clinic.work()
    assert (len(clinic.requests()), len(clinic.sent())) == (1, 0)
    assert (clinic.message(message.id).status, clinic.job("reconcile_text").state) == (
        "unknown",
        "dead",
    )
    shown = clinic.get(f"/api/invoices/{clinic.invoice.id}/messages")["data"][0]
    assert (shown["status"], shown["advice"]["then"]) == ("unknown", "look_up")


def test_a_new_text_can_be_requested_once_staff_settle_the_doubt(clinic):
    message = in_doubt(clinic, "refuse")
    clinic.work(rounds=8)
    settle_refused(clinic.effect(message).id, "not in the console", "operator:test")
    clinic.work()
    assert (clinic.message(message.id).status, clinic.message(message.id).error_code) == (
        "refused",
        "settled_by_hand",
    )
    again = clinic.ask()
    assert again.json["message"]["id"] != message.id
    clinic.work()
    assert len(clinic.sent()) == 1


def test_a_text_that_is_being_sent_cannot_be_settled(clinic, monkeypatch):
    """Given a text whose request is on its way to Twilio, so that no job looks it up yet, then
    nobody can declare that it did not happen; ten minutes later somebody can.
    """
    texts = Effect.kind == "text"
    refused = []
    send = twilio_api.send_message

    def settled_meanwhile(*request):
        with pytest.raises(NotAllowed, match="may be on its way"):
            settle_refused(Effect.get(texts).id, "not in the console", "operator:test")
        refused.append(request)
        return send(*request)

    monkeypatch.setattr(twilio_api, "send_message", settled_meanwhile)
    clinic.ask()
    clinic.work()
    assert (len(refused), len(clinic.sent())) == (1, 1)
    assert Effect.get(texts).state == "confirmed"
    long_ago = real_now() - timedelta(minutes=10)
    Effect.update(state="sending", created_at=long_ago).where(texts).execute()
    assert settle_refused(Effect.get(texts).id, "not there", "operator:test").state == "refused"


def test_a_report_after_the_last_look_leaves_no_dead_job(clinic):
    """Given a text that no lookup found, when Twilio reports on it after all, then the hourly
    reconciliation ends the dead job; that of a text still in doubt stays dead.
    """
    message = in_doubt(clinic, "refuse_after")
    died(real_now())
    reconcile_effects.perform()
    assert clinic.job("reconcile_text").state == "dead"
    clinic.deliver()
    assert clinic.effect(message).state == "confirmed"
    reconcile_effects.perform()
    clinic.work()
    assert clinic.job("reconcile_text").state == "done"
    assert (clinic.message(message.id).status, len(clinic.requests())) == ("delivered", 1)


def test_a_dead_job_that_cannot_record_a_settled_doubt_is_left_to_a_person(clinic):
    """Given a job that died for another reason hours after a report had ended its doubt, then the
    hourly reconciliation leaves it dead.
    """
    in_doubt(clinic, "refuse_after")
    clinic.deliver()
    died(real_now() + timedelta(hours=2))
    reconcile_effects.perform()
    assert clinic.job("reconcile_text").state == "dead"


def died(at: datetime) -> None:
    """Let the lookup be dead since this time."""
    StagedJob.update(state="dead", finished_at=to_micros(at)).where(
        StagedJob.name == "reconcile_text"
    ).execute()


def test_a_later_reconciliation_settles_what_earlier_lookups_could_not(clinic):
    """Given a list that was down during the first lookups, when reconciliation runs again later,
    then it settles the doubt.
    """
    clinic.fault("error_500", method="GET", times=50)
    message = in_doubt(clinic, "refuse_after")
    clinic.work(rounds=8)
    assert clinic.job("reconcile_text").state == "dead"
    with clinic.twilio.shared.lock:
        clinic.twilio.shared.faults.clear()
    assert reconcile_owner(clinic.effect(message), "system") is not None
    clinic.work()
    assert clinic.effect(message).state == "confirmed"
    assert len(clinic.sent()) == 1


def test_an_earlier_text_with_a_known_sid_does_not_settle_the_doubt(clinic):
    """Given an earlier text with the same payment URL, whose sid is known, then it does not settle
    the doubt.
    """
    clinic.send()
    clinic.deliver()
    message = in_doubt(clinic, "refuse")
    clinic.work(rounds=8)
    assert (len(clinic.sent()), clinic.effect(message).state) == (1, "unknown")


def test_the_right_one_of_two_texts_with_the_same_url_settles_the_doubt(clinic):
    first = clinic.send()
    clinic.deliver()
    message = in_doubt(clinic, "refuse_after")
    given.retried(clinic.redis, "messages", 1)
    sids = [row["sid"] for row in clinic.sent()]
    assert (clinic.message(first.id).sid, clinic.message(message.id).sid) == tuple(sids)


def test_a_text_sent_ten_minutes_earlier_does_not_settle_the_doubt(clinic):
    """Given an unsettled text, and one ten minutes later with the same URL that never arrived,
    then the list does not settle the later one.
    """
    effect = clinic.effect(in_doubt(clinic, "refuse_after"))
    assert TEXT.find(effect) is not None
    later = Effect(id=new_id("eff"), request=effect.request)
    later.sent_at = effect.sent_at + timedelta(minutes=10)
    assert TEXT.find(later) is None


def test_a_failed_connection_or_login_leaves_no_doubt_and_is_retried(clinic):
    """Given no connection to Twilio, or wrong credentials, then nothing was sent: once Twilio
    answers, the text is decided on again and sent.
    """
    assert clinic.ask().status_code == 202
    given.worked(clinic.redis, "messages")
    clinic.twilio.books.tokens.clear()  # and wrong credentials are no refusal either
    clinic.work(rounds=2)
    assert (clinic.effect(clinic.message()).error_code, len(clinic.sent())) == ("not_sent", 0)
    from sandbox.twilio.account import MAGIC_ACCOUNT, MAGIC_TOKEN

    clinic.twilio.books.tokens[MAGIC_ACCOUNT] = MAGIC_TOKEN
    clinic.work(rounds=4)
    assert (len(clinic.sent()), clinic.message().status) == (1, "accepted")


def test_concurrent_requests_and_workers_send_one_text(clinic):
    clinic.send()
    clinic.deliver()  # the link exists, so the next text is due at once
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(clinic.ask().status_code)
        release_connection()

    in_parallel([ask] * 6)
    message = clinic.message()
    StagedJob.update(state="waiting", due_at=0).where(StagedJob.key == message.id).execute()

    from jobs.send_payment_link import send_payment_link

    def run() -> None:
        """Act like a process that believes it still holds the claim."""
        try:
            send_payment_link.perform(message.id)
        except Exception:
            return
        finally:
            release_connection()

    in_parallel([run] * 6)
    clinic.work()
    assert set(statuses) == {202}
    assert (Message.select().count(), len(clinic.requests()), len(clinic.sent())) == (2, 2, 2)


def in_parallel(calls) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)


def test_no_text_is_allowed_after_a_concurrent_stop_commits(clinic):
    """A decision locks the customer: a STOP either commits before it and is obeyed, or commits
    after the text was allowed.
    """
    clinic.send()
    clinic.deliver()
    assert clinic.ask().status_code == 202
    from jobs.send_payment_link import send_payment_link

    message = clinic.message()

    def run() -> None:
        try:
            send_payment_link.perform(message.id)
        except Exception:
            return
        finally:
            release_connection()

    def stop() -> None:
        clinic.post(f"/api/customers/{clinic.customer.id}/opt-outs", source="desk")
        release_connection()

    in_parallel([run, stop])
    row, stopped = clinic.message(message.id), OptOut.get()
    if row.status == "refused":
        assert (row.error_code, len(clinic.sent())) == ("opted_out", 1)
    else:  # the decision was made under the lock before the STOP was recorded
        assert (
            len(clinic.sent()),
            ContactDecision.get(ContactDecision.effect_id == row.effect_id).at <= stopped.at,
        ) == (2, True)
