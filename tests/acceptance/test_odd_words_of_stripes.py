"""Nulls and new words from Stripe are stored, shown and looked up, and hold nothing else up."""

import pytest

from actions.contact.gate_facts import books_of
from models.books.inbox_event import InboxEvent
from models.books.reconciliation import Reconciliation
from models.delivery.stage import stage
from models.payments.payment import Payment
from models.payments.refund import Refund
from models.transactions import transaction
from runtime.clock import real_now
from tests import given
from tests.samples import odd_events


class Clinic:
    """An invoice of 100.00 that was paid at Stripe, and another clinic's on the same account."""

    def __init__(self, client, redis, stand_in):
        self.client, self.redis, self.stand_in = client, redis, stand_in
        self.account = given.an_account()
        self.headers = given.a_key(self.account)
        self.invoice = given.an_invoice(self.account, amount=10_000)
        self.bystander = given.an_invoice()
        self.intent = stand_in.charge(self.invoice)
        stand_in.deliver(client, redis)

    def hears(self, kind, subject):
        given.received(given.an_event(kind, subject))
        given.worked(self.redis)

    def get(self, path):
        return self.client.simulate_get(path, headers=self.headers).json

    def payment(self):
        return self.get(f"/api/payments/{Payment.get().id}")

    def timeline(self):
        path = f"/api/invoices/{self.invoice.id}/timeline?limit=100"
        return [line["reason"] for line in self.get(path)["data"]]


@pytest.fixture
def clinic(client, valkey, stand_in):
    return Clinic(client, valkey.client(), stand_in)


def all_is_done(clinic):
    assert set(given.states()) <= {"done"}
    assert books_of(clinic.bystander, real_now()) == "current"


def test_a_refund_without_a_status_is_pending(clinic):
    """Given a refund whose status is null (it is optional in Stripe's API), then it is pending."""
    clinic.hears("refund.created", given.a_refund(clinic.intent, 10_000) | {"status": None})
    assert (Refund.get().status, given.fresh(clinic.invoice).amount_paid) == ("pending", 0)
    [shown] = clinic.payment()["refunds"]
    assert shown["status"] == "pending"
    given.retried(clinic.redis)
    all_is_done(clinic)


def test_an_unknown_refund_status_is_shown_and_polled(clinic):
    """Given a refund in an unknown state, then the word is shown, the money counts as refunded, and
    Stripe is polled until the state is known.
    """
    refund = clinic.stand_in.sdk.refunds.create({"payment_intent": clinic.intent["id"]}).to_dict()
    with clinic.stand_in.sandbox.shared.lock:
        there = clinic.stand_in.sandbox.stripe.platform.tables["refund"][refund["id"]]
        there["status"] = "on_a_detour"
    clinic.hears("refund.updated", refund | {"status": "on_a_detour"})
    [shown] = clinic.payment()["refunds"]
    assert (shown["status"], given.fresh(clinic.invoice).amount_paid) == ("on_a_detour", 0)
    assert any(
        "Stripe is asked again: its status is on_a_detour." in said for said in clinic.timeline()
    )
    assert books_of(clinic.bystander, real_now()) == "current"
    given.retried(clinic.redis, rounds=1)
    assert Refund.get().status == "on_a_detour"
    there["status"] = "failed"
    given.retried(clinic.redis, rounds=1)
    assert (Refund.get().status, given.fresh(clinic.invoice).amount_paid) == ("failed", 10_000)
    all_is_done(clinic)


def test_polling_a_status_that_stays_unknown_ends_without_a_dead_job(clinic):
    refund = clinic.stand_in.sdk.refunds.create({"payment_intent": clinic.intent["id"]}).to_dict()
    with clinic.stand_in.sandbox.shared.lock:
        there = clinic.stand_in.sandbox.stripe.platform.tables["refund"][refund["id"]]
        there["status"] = "on_a_detour"
    clinic.hears("refund.updated", dict(there))
    given.retried(clinic.redis, rounds=8)
    assert Refund.get().status == "on_a_detour"
    all_is_done(clinic)


@pytest.mark.parametrize("version", odd_events.VERSIONS)
def test_a_bank_debit_in_progress_blocks_a_link_in_every_api_version(client, valkey, version):
    """Given `processing` as each API version reports it, then the invoice cannot be paid in another
    way.
    """
    invoice = given.an_invoice()
    metadata = given.metadata_of(invoice)
    event = odd_events.an_event("payment_intent.processing", version, metadata, 12_500)
    given.received(event)
    given.worked(valkey.client())
    assert Payment.get().status == "processing"
    answer = client.simulate_post(
        f"/api/invoices/{invoice.id}/payment-links", json={}, headers=given.a_key(invoice.account)
    )
    assert (answer.status_code, answer.json["code"]) == (409, "payment_in_progress")


def begun(clinic, **values):
    """Begin a second payment of part of the invoice by bank debit. Returns the intent at Stripe,
    and the event's copy, which names no charge.
    """
    metadata = given.metadata_of(clinic.invoice)
    made = clinic.stand_in.sdk.payment_intents.create(
        {"amount": 2_500, "currency": "usd", "metadata": metadata}
    ).to_dict()
    with clinic.stand_in.sandbox.shared.lock:
        there = clinic.stand_in.sandbox.stripe.platform.tables["payment_intent"][made["id"]]
        there.update(status="processing", latest_charge="ch_debit", **values)
    said = dict(there)
    del said["latest_charge"]
    return there, said


def test_a_processing_event_without_a_charge_counts_and_stripe_is_read(clinic):
    """Given `processing` without a charge, then the payment is processing at once, and the charge
    is read at Stripe; once it has failed, so has the payment, even if an older event arrives last.
    """
    there, said = begun(clinic)
    clinic.hears("payment_intent.processing", said)
    row = Payment.get(Payment.intent_id == said["id"])
    assert row.status == "processing"
    given.retried(clinic.redis, rounds=1)
    row = Payment.get_by_id(row.id)
    assert (row.status, row.charges) == ("processing", {"ch_debit": ["processing", ""]})
    error = {"code": "payment_intent_payment_attempt_failed", "charge": "ch_debit"}
    there.update(status="requires_payment_method", last_payment_error=error)
    clinic.hears("payment_intent.payment_failed", dict(there))
    clinic.hears("payment_intent.processing", said)
    assert Payment.get_by_id(row.id).status == "processing"  # as far as these events tell
    given.retried(clinic.redis, rounds=1)
    assert Payment.get_by_id(row.id).status == "failed"
    all_is_done(clinic)


@pytest.mark.parametrize("word", [None, "partially_processing"])
def test_an_intent_with_an_unknown_status_is_read_at_stripe(clinic, word):
    """Given an event whose intent has no known status, then it pays nothing, and the intent is read
    at Stripe.
    """
    invoice = given.an_invoice(clinic.account)
    paid = clinic.stand_in.charge(invoice)
    clinic.hears("payment_intent.succeeded", paid | {"status": word})
    assert given.fresh(invoice).status == "sent"
    event = InboxEvent.select().order_by(InboxEvent.id.desc()).first()
    assert f"its status is {word or 'missing'}" in event.reason
    given.retried(clinic.redis, rounds=1)
    assert given.fresh(invoice).status == "paid"
    all_is_done(clinic)


@pytest.mark.parametrize("amount", [None, "100.00", -1, True, 10**30])
def test_an_invalid_amount_is_read_at_stripe(clinic, amount):
    invoice = given.an_invoice(clinic.account)
    paid = clinic.stand_in.charge(invoice)
    clinic.hears("payment_intent.succeeded", paid | {"amount_received": amount})
    assert (given.fresh(invoice).status, given.fresh(invoice).amount_received) == ("paid", 12_500)
    all_is_done(clinic)


def test_an_event_unreadable_even_at_stripe_is_refused(clinic):
    invoice = given.an_invoice(clinic.account)
    clinic.hears("payment_intent.succeeded", given.an_intent(invoice) | {"currency": 7})
    event = InboxEvent.select().order_by(InboxEvent.id.desc()).first()
    assert (event.outcome, "cannot be read: Its currency" in event.reason) == ("refused", True)
    assert given.fresh(invoice).status == "sent"
    all_is_done(clinic)


@pytest.mark.parametrize("odd", ["status", "amount", "amount_received", "currency", "metadata"])
def test_a_null_field_at_stripe_does_not_stop_the_reconciliation(clinic, odd):
    """Given a payment and a refund at Stripe with a null in one field, then the hourly comparison
    still runs to its end, and finds another clinic's payment whose event was missed.
    """
    clinic.stand_in.sdk.refunds.create({"payment_intent": clinic.intent["id"], "amount": 500})
    with clinic.stand_in.sandbox.shared.lock:
        tables = clinic.stand_in.sandbox.stripe.platform.tables
        for kind in ("payment_intent", "refund"):
            for row in tables[kind].values():
                row[odd] = None
    clinic.stand_in.charge(clinic.bystander)
    with transaction():
        stage("reconcile_stripe", "test")
    for _ in range(6):
        given.retried(clinic.redis, "periodic", 2)
        given.retried(clinic.redis, "webhooks", 1)
    assert Reconciliation.get().state == "done"
    assert given.fresh(clinic.bystander).status == "paid"


def test_an_event_without_type_and_data_does_not_stop_the_backfill(clinic):
    invoice = given.an_invoice(clinic.account)
    clinic.stand_in.charge(invoice)
    with clinic.stand_in.sandbox.shared.lock:
        newest = list(clinic.stand_in.sandbox.stripe.platform.tables["event"].values())[-1]
        newest["type"], newest["data"] = None, None
    with transaction():
        stage("backfill_stripe_events", "test")
    given.retried(clinic.redis, "periodic", 2)
    given.retried(clinic.redis, "webhooks", 1)
    assert given.fresh(invoice).status == "paid"
    all_is_done(clinic)


def test_an_event_about_a_dispute_unknown_to_stripe_is_refused(clinic):
    """Given a dispute for which Stripe answers 404, then its event is refused at once."""
    subject = {
        "id": "dp_of_another_mode",
        "object": "dispute",
        "payment_intent": clinic.intent["id"],
        "status": "needs_response",
    }
    clinic.hears("charge.dispute.created", subject)
    event = InboxEvent.get(InboxEvent.type == "charge.dispute.created")
    assert event.outcome == "refused"
    assert "dp_of_another_mode" in event.reason
    all_is_done(clinic)
