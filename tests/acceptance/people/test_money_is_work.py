"""Money that was not owed, disputes and effects in doubt are work items for staff until they are
over.
"""

from datetime import timedelta

import pytest

from actions.payments.recompute import recompute
from jobs.reconcile_effects import reconcile_effects
from models.contact.work_item import WorkItem
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.payment import Payment
from models.payments.refund_request import RefundRequest
from models.transactions import transaction
from runtime.clock import real_now
from tests import given
from tests.clinic import Clinic


@pytest.fixture
def clinic(client, valkey):
    return Clinic(client, redis=valkey.client())


def waiting(clinic, kind):
    answer = clinic.get("/api/work-items", state="open", kind=kind)
    return answer.json["data"]


def decide(clinic, path, **body):
    return clinic.client.simulate_post(path, json=body, headers=clinic.headers)


def happened(clinic, event):
    given.received(event)
    given.worked(clinic.redis)


def paid(clinic, amount):
    """A card payment through Stripe's event."""
    intent = given.an_intent(clinic.invoice, amount=amount)
    happened(clinic, given.an_event("payment_intent.succeeded", intent))
    return intent


def test_an_overpayment_is_refunded_by_one_action(clinic):
    paid(clinic, 12_500)
    assert waiting(clinic, "overpayment") == []
    paid(clinic, 2_000)
    (item,) = waiting(clinic, "overpayment")
    assert (item["context"]["amount"], item["suggestedAction"]) == (2_000, "refund")
    done = decide(clinic, f"/api/work-items/{item['id']}/resolve", action="refund")
    assert (done.status_code, done.json["state"]) == (200, "resolved"), done.text
    assert [row.amount for row in RefundRequest.select()] == [2_000]


def test_an_overpayment_is_refunded_minus_refunds_already_requested(clinic):
    """Given a refund of the overpayment that was requested but not made yet, when staff resolve the
    work item with a refund, then only the rest is refunded.
    """
    paid(clinic, 12_500)
    paid(clinic, 2_000)
    (item,) = waiting(clinic, "overpayment")
    newest = Payment.get(Payment.amount_received == 2_000)
    headers = clinic.headers | {"Idempotency-Key": "k1"}
    path = f"/api/payments/{newest.id}/refunds"
    asked = clinic.client.simulate_post(path, json={"amount": 1_500}, headers=headers)
    assert asked.status_code == 202
    done = decide(clinic, f"/api/work-items/{item['id']}/resolve", action="refund")
    assert (done.status_code, done.json["state"]) == (200, "resolved"), done.text
    assert sorted(row.amount for row in RefundRequest.select()) == [500, 1_500]


def test_a_refund_refused_by_stripe_reopens_the_work_item(client, valkey, stand_in):
    """Given an overpayment whose refund Stripe refuses, for example because the balance is too low,
    then the feed reports it, and the work item is open again.
    """
    clinic = Clinic(client, stand_in, valkey.client())
    stand_in.charge(clinic.invoice, 14_500)
    stand_in.deliver(client, clinic.redis)
    (item,) = waiting(clinic, "overpayment")
    stand_in.fault("refused_400", "POST", "/v1/refunds")
    for status in ("refused", "confirmed"):
        decide(clinic, f"/api/work-items/{item['id']}/resolve", action="refund")
        assert waiting(clinic, "overpayment") == []
        given.worked(clinic.redis)
        request = RefundRequest.select().order_by(RefundRequest.id.desc()).first()
        assert request.state == status
        if status == "refused":
            assert [row["context"]["amount"] for row in waiting(clinic, "overpayment")] == [2_000]
    assert waiting(clinic, "overpayment") == []
    told = [row for row in clinic.get("/api/events").json["data"] if "refund" in row["type"]]
    assert [(row["type"], row["data"]["status"]) for row in told] == [
        ("refund.failed", "refused"),
        ("refund.succeeded", "succeeded"),
    ]
    refused = RefundRequest.get(RefundRequest.state == "refused")
    assert (told[0]["data"]["refundRequestId"], told[0]["data"]["refundId"]) == (refused.id, None)


def test_a_further_overpayment_reopens_the_work_item(clinic):
    paid(clinic, 12_500)
    paid(clinic, 2_000)
    (item,) = waiting(clinic, "overpayment")
    decide(clinic, f"/api/work-items/{item['id']}/resolve", action="keep")
    assert waiting(clinic, "overpayment") == []
    paid(clinic, 500)
    assert [row["context"]["amount"] for row in waiting(clinic, "overpayment")] == [2_500]


def test_payments_on_a_cancelled_invoice_are_an_overpayment(clinic):
    paid(clinic, 2_000)
    assert decide(clinic, f"/api/invoices/{clinic.invoice.id}/cancel").status_code == 200
    assert [row["context"]["amount"] for row in waiting(clinic, "overpayment")] == [2_000]


@pytest.mark.parametrize(("status", "reasons"), [("lost", ["dispute_lost"]), ("won", [])])
def test_a_lost_dispute_opens_one_work_item_and_stops_payment_requests(texting, status, reasons):
    """Given a customer who can be texted, when Stripe reports a lost dispute twice, then the
    invoice is owed again, one work item is opened, and the customer is not asked to pay. A won
    dispute opens none.
    """
    texting.consents()
    intent = given.an_intent(texting.invoice)
    happened(texting, given.an_event("payment_intent.succeeded", intent))
    moved = {"id": "txn_1", "amount": -12_000, "currency": "usd"}
    back = moved | {"id": "txn_2", "amount": 12_000}
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "payment_intent": intent["id"],
        "amount": 12_000,
        "currency": "usd",
        "reason": "product_not_received",
        "balance_transactions": [moved, back] if status == "won" else [moved],
    }
    for state in ("needs_response", status, status):
        Dispute.record_report("", dispute | {"status": state}, real_now())
        with transaction():
            recompute(Invoice.locked(texting.invoice.id))
    assert given.fresh(texting.invoice).outstanding == (0 if status == "won" else 12_000)
    items = texting.get("/api/work-items?state=open")["data"]
    assert [item["context"]["reason"] for item in items] == reasons
    answer = texting.ask()
    assert answer.json["code"] == ("invoice_already_paid" if status == "won" else "contact_refused")


def test_refunding_an_overpayment_closes_its_work_item(clinic):
    paid(clinic, 12_500)
    intent = paid(clinic, 2_000)
    refund = given.a_refund(intent, 2_000)
    happened(clinic, given.an_event("refund.created", refund))
    assert waiting(clinic, "overpayment") == []
    assert WorkItem.get().resolution == "over"
    assert Payment.select().count() == 2


def test_an_effect_in_doubt_is_a_work_item_until_resolved(clinic):
    then = real_now() - timedelta(hours=1)
    effect = Effect.reserve(
        "text",
        "text:msg_1:1",
        "twilio",
        {"To": "+12025550123", "Body": "x"},
        then,
        then,
        None,
        account_id=clinic.account.id,
        invoice_id=clinic.invoice.id,
        asked_by="test",
        reason="a test",
    )
    effect.record_sent(then)
    effect.record_unknown("timeout", "No answer.")
    reconcile_effects.perform()
    reconcile_effects.perform()
    (item,) = waiting(clinic, "doubt")
    assert (item["subject"], item["invoiceId"]) == (effect.id, clinic.invoice.id)
    assert item["words"] == (
        "Nobody knows whether this happened at Twilio: Send a text (a test). It is not repeated"
        " until somebody has looked at the provider."
    )
    Effect.get_by_id(effect.id).record_refused("by_hand", "It did not happen.", real_now())
    reconcile_effects.perform()
    assert waiting(clinic, "doubt") == []
