"""Money that was not owed, disputes and effects in doubt are work items for staff until they are
over.
"""

from datetime import timedelta

import pytest

from actions.payments.recompute import recompute
from jobs.reconcile_effects import reconcile_effects
from models.contact.hold import Hold
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


def disputed(clinic, *statuses, due=1_900_000_000, moved=()):
    """A dispute of the invoice's payment, as Stripe reports one status after the other."""
    payment = given.fresh(clinic.invoice).payments.get()
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "payment_intent": payment.intent_id,
        "amount": 12_500,
        "currency": "usd",
        "evidence_details": {"due_by": due},
        "balance_transactions": [
            {"id": f"txn_{number}", "amount": amount, "currency": "usd"}
            for number, amount in enumerate(moved)
        ],
    }
    for status in statuses:
        Dispute.record_report("", dispute | {"status": status}, real_now())
        with transaction():
            recompute(Invoice.locked(clinic.invoice.id))


@pytest.mark.parametrize("answered", [True, False])
def test_an_inquiry_that_becomes_a_dispute_is_a_work_item_with_its_own_deadline(clinic, answered):
    """Given an inquiry of a bank, answered or not, when it becomes a dispute, then there is an open
    work item, due when evidence for the dispute is, and the feed says that it was opened.
    """
    paid(clinic, 12_500)
    disputed(clinic, "warning_needs_response", due=1_800_000_000)
    (item,) = waiting(clinic, "dispute")
    if answered:
        decide(clinic, f"/api/work-items/{item['id']}/resolve", action="done")
        disputed(clinic, "warning_under_review", due=1_800_000_000)
        assert waiting(clinic, "dispute") == []
    disputed(clinic, "needs_response", due=1_900_000_000, moved=[-12_500])
    assert [row["dueAt"] for row in waiting(clinic, "dispute")] == ["2030-03-17T17:46:40Z"]
    told = [row for row in clinic.get("/api/events").json["data"] if "dispute" in row["type"]]
    assert [(row["type"], row["data"]["status"]) for row in told] == [
        ("dispute.opened", "warning_needs_response"),
        ("dispute.opened", "needs_response"),
    ]


def test_a_disputes_work_item_is_due_when_its_evidence_is(clinic):
    """Given an open dispute whose deadline at Stripe moves, then the work item's moves with it."""
    paid(clinic, 12_500)
    disputed(clinic, "needs_response", due=1_800_000_000, moved=[-12_500])
    disputed(clinic, "needs_response", due=1_900_000_000, moved=[-12_500])
    assert [row["dueAt"] for row in waiting(clinic, "dispute")] == ["2030-03-17T17:46:40Z"]


@pytest.mark.parametrize(
    ("first", "moved"), [("won", (-12_500, 12_500, -12_500)), ("warning_closed", (-12_500,))]
)
def test_a_dispute_that_was_over_and_is_lost_after_all_is_escalated(clinic, first, moved):
    """Given a dispute that was over, of whose further course every event was missed, when it is
    found to be lost, then staff are told, and a hold stops requests for payment.
    """
    paid(clinic, 12_500)
    disputed(clinic, "needs_response", first, moved=moved[:2] if first == "won" else ())
    disputed(clinic, "lost", moved=moved)
    assert given.fresh(clinic.invoice).outstanding == 12_500
    assert [row["context"]["reason"] for row in waiting(clinic, "escalation")] == ["dispute_lost"]
    assert [row.kind for row in Hold.select()] == ["dispute"]
    told = [row for row in clinic.get("/api/events").json["data"] if "dispute" in row["type"]]
    assert told[-1]["data"]["verdict"] == "lost"


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
