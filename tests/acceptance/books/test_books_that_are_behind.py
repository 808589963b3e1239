"""No customer is asked for money while our books may lag behind Stripe: events are unprocessed, or
were missed unnoticed.
"""

from datetime import timedelta

import pytest

from actions.contact.gate_facts import books_of
from bin.commands.checks.work import check_jobs
from models.books.inbox_event import InboxEvent
from models.books.stripe_watermark import StripeWatermark
from models.contact.contact_decision import ContactDecision
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.payments.payment import Payment
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.transactions import transaction
from rules.payment_merge import PaymentReport
from rules.stripe_event_types import CARD_EVENTS, FORMER_CARD_EVENTS
from runtime.clock import real_now, rfc3339
from tests import given
from tests.stories.texting import Texting


@pytest.fixture
def clinic(texting: Texting) -> Texting:
    """A clinic whose customer consented to texts."""
    return texting.consents()


def test_text_waits_while_an_event_for_its_invoice_is_unprocessed(clinic):
    """Given an unprocessed event that could mean the invoice is paid, then the text waits, and it
    is refused once the event is processed.
    """
    inbox_id = given.received(
        given.an_event("payment_intent.succeeded", given.an_intent(clinic.invoice))
    )
    assert clinic.ask().status_code == 202
    clinic.work()
    assert not clinic.requests()
    assert clinic.message().status == "waiting"
    assert InboxEvent.get_by_id(inbox_id).processed_at is None
    given.retried(clinic.redis, "webhooks", 1)
    assert InboxEvent.get_by_id(inbox_id).outcome == "applied"
    clinic.work()
    assert not clinic.requests()
    assert (clinic.message().status, clinic.message().error_code) == ("refused", "invoice_paid")


def test_unprocessed_event_without_a_recorded_invoice_holds_other_invoices_texts(clinic):
    """Given an event about another invoice, stored by a release that did not record what it names,
    then the text waits for it.
    """
    given.received(
        given.an_event(
            "payment_intent.succeeded", given.an_intent(given.an_invoice(clinic.account))
        )
    )
    InboxEvent.update(intent_id=None, named_invoice_id=None).execute()
    assert clinic.ask().status_code == 202
    clinic.work()
    assert (clinic.message().status, clinic.requests()) == ("waiting", [])


def read_hours_ago(hours: float, stripe_account: str = "") -> None:
    """Record that Stripe's event list was last read `hours` ago."""
    at = real_now() - timedelta(hours=hours)
    StripeWatermark.insert(
        stripe_account=stripe_account, created=int(at.timestamp()), updated_at=at
    ).execute()


@pytest.mark.slow
def test_texts_are_refused_while_the_event_list_is_stale_until_a_backfill(clinic):
    """Given a paid link whose event never arrived and a list last read a day ago, then the text is
    refused; a backfill brings the event, and the invoice is paid.
    """
    clinic.send()
    clinic.deliver()
    clinic.stand_in.follow_and_pay(PaymentLink.get().url)
    clinic.stand_in.sandbox.shared.outbox.all.clear()
    read_hours_ago(24)
    told = clinic.ask().json
    assert (
        told["reasonCode"],
        "has not been read for hours" in told["reason"],
        told["nextAllowedAt"] > rfc3339(real_now()),
    ) == ("books_stale", True, True)
    assert (
        ContactDecision.select().order_by(ContactDecision.at.desc()).first().code == "books_stale"
    )
    with transaction():
        stage("backfill_stripe_events", "test")
    for _ in range(4):
        given.retried(clinic.redis, "periodic", 1)
        given.retried(clinic.redis, "webhooks", 1)
    assert clinic.ask().json["code"] == "invoice_already_paid"
    assert len(clinic.sent()) == 1


def test_queued_text_is_refused_when_the_event_list_becomes_stale(clinic):
    assert clinic.ask().status_code == 202
    read_hours_ago(4)
    clinic.work()
    assert (clinic.message().status, clinic.message().error_code, clinic.requests()) == (
        "refused",
        "books_stale",
        [],
    )


@pytest.mark.parametrize("stripe_account", ["", "acct_other"])
def test_fresh_list_or_another_accounts_stale_list_does_not_hold_texts(clinic, stripe_account):
    """Given a list read an hour ago, or one never read while another account's is stale, then the
    text is sent: a first backfill is still to come.
    """
    read_hours_ago(1 if not stripe_account else 24, stripe_account)
    clinic.send()
    assert len(clinic.sent()) == 1


WENT_BACK = [
    (
        "charge.dispute.created",
        {
            "id": "dp_1",
            "object": "dispute",
            "payment_intent": "pi_of_somebody",
            "status": "needs_response",
        },
    ),
    ("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": "pi_of_somebody"}),
    (
        "refund.created",
        {"id": "re_1", "object": "refund", "payment_intent": "pi_of_somebody", "metadata": {}},
    ),
]


@pytest.mark.parametrize(("kind", "subject"), WENT_BACK)
def test_unprocessed_refund_or_dispute_holds_the_accounts_texts_for_a_day(clinic, kind, subject):
    """Given an unprocessed refund or dispute that names no invoice, so that it may concern any,
    then the account's texts wait, for at most a day.
    """
    given.received(given.an_event(kind, subject))
    assert clinic.ask().status_code == 202
    clinic.work()
    assert (clinic.message().status, clinic.requests()) == ("waiting", [])
    InboxEvent.update(received_at=real_now() - timedelta(hours=25)).execute()
    clinic.work()
    assert len(clinic.sent()) == 1


def test_unprocessed_event_of_another_stripe_account_does_not_hold_texts(clinic):
    given.received(given.an_event(*WENT_BACK[0], account="acct_other"))
    clinic.send()
    assert len(clinic.sent()) == 1


def test_unprocessed_dispute_holds_texts_for_its_own_invoice_beyond_a_day(clinic):
    Payment.record_report(
        clinic.invoice, "", "pi_of_ours", PaymentReport("succeeded", 100, 100, "usd"), real_now()
    )
    kind, subject = WENT_BACK[0]
    given.received(given.an_event(kind, subject | {"payment_intent": "pi_of_ours"}))
    InboxEvent.update(received_at=real_now() - timedelta(days=5)).execute()
    assert clinic.ask().status_code == 202
    clinic.work()
    assert (clinic.message().status, clinic.requests()) == ("waiting", [])


@pytest.mark.one_database
@pytest.mark.parametrize("age", [0, 1, 23])
@pytest.mark.parametrize(("kind", "subject"), WENT_BACK)
def test_unprocessed_refund_or_dispute_of_a_known_invoice_holds_only_that_invoice(
    clinic, kind, subject, age
):
    """Given a refund or dispute of another invoice's payment that cannot be processed, then only
    that invoice's books are behind, and this customer is texted.
    """
    other = given.an_invoice(clinic.account)
    report = PaymentReport("succeeded", 100, 100, "usd")
    Payment.record_report(other, "", "pi_of_somebody", report, real_now())
    given.received(given.an_event(kind, subject))
    InboxEvent.update(received_at=real_now() - timedelta(hours=age)).execute()
    assert books_of(other, real_now()) == "behind"
    clinic.send()
    assert len(clinic.sent()) == 1


def test_long_unprocessed_event_holds_only_the_invoice_it_names(clinic):
    other = given.an_invoice(clinic.account)
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(other)))
    InboxEvent.update(received_at=real_now() - timedelta(hours=2)).execute()
    assert [books_of(each, real_now()) for each in (other, clinic.invoice)] == ["behind", "current"]


@pytest.mark.one_database
@pytest.mark.parametrize("kind", [*CARD_EVENTS, *FORMER_CARD_EVENTS])
def test_unprocessed_event_about_the_clinics_own_card_holds_no_invoice(clinic, kind):
    """Given an event about the clinic's own card that cannot be processed for hours, then no
    invoice's books are behind: it concerns none.
    """
    given.received(given.an_event(kind, {"id": "seti_1", "object": "setup_intent"}))
    for age in (timedelta(0), timedelta(minutes=11), timedelta(hours=3)):
        InboxEvent.update(received_at=real_now() - age).execute()
        assert books_of(clinic.invoice, real_now()) == "current"


def test_event_with_a_dead_job_holds_only_its_own_invoice(clinic):
    """Given an event whose invoice is unknown and one of another invoice, then the account's books
    are behind until their jobs are dead; then the other invoice's are, and doctor warns.
    """
    other = given.an_invoice(clinic.account)
    given.received(given.an_event(*WENT_BACK[0]))
    given.received(given.an_event("payment_intent.succeeded", given.an_intent(other)))
    assert books_of(clinic.invoice, real_now()) == "behind"
    StagedJob.update(state="dead").where(StagedJob.name == "process_stripe_event").execute()
    assert [books_of(each, real_now()) for each in (other, clinic.invoice)] == ["behind", "current"]
    (dead,) = (each for each in check_jobs() if each.what == "dead jobs")
    assert (dead.level, dead.found) == ("warn", "process_stripe_event 2")


@pytest.mark.slow
def test_stale_event_list_blocks_server_charges_but_not_browser_payments(clinic):
    """Given a stale list, then the server charges no card, but a customer can still pay in the
    browser: they know whether they have paid, and the server does not.
    """
    intent = clinic.post("/api/payments/create-payment-intent", invoiceId=clinic.invoice.id).json[
        "paymentIntentId"
    ]
    read_hours_ago(24)
    card = {"invoiceId": clinic.invoice.id, "paymentMethodId": "pm_card_visa"}
    for answer in (
        clinic.post("/api/payments/phone", **card),
        clinic.post("/api/payments/confirm-payment", paymentIntentId=intent, **card),
    ):
        assert (
            answer.status_code,
            answer.json["code"],
            "Ask the operator" in answer.json["detail"],
        ) == (409, "books_stale", True)
    assert not PaymentConfirmation.select().exists()
    assert (
        clinic.post("/api/payments/create-payment-intent", invoiceId=clinic.invoice.id).json[
            "paymentIntentId"
        ]
        == intent
    )
    assert (
        clinic.post(
            "/api/payments/confirm-payment", paymentIntentId=intent, invoiceId=clinic.invoice.id
        ).status_code
        == 200
    )
    StripeWatermark.update(updated_at=real_now()).execute()
    assert clinic.post("/api/payments/phone", **card).json["success"] is True
