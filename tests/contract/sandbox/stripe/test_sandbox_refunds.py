"""Refunds: in full, in part, too large, and failing after they succeeded."""

import pytest
import stripe


def test_partial_refunds_are_allowed_until_nothing_is_left(world):
    intent = world.charge(amount=2000, metadata={"invoice_id": "inv_9"})
    first = world.stripe.refunds.create(
        {
            "payment_intent": intent.id,
            "amount": 500,
            "reason": "requested_by_customer",
            "metadata": {"a": "1"},
        }
    )
    assert (first.status, first.amount, first.payment_intent) == ("succeeded", 500, intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded") as refused:
        world.stripe.refunds.create({"payment_intent": intent.id, "amount": 1501})
    assert refused.value.param == "amount"
    assert world.stripe.refunds.create({"charge": intent.latest_charge}).amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    charge = world.stripe.charges.retrieve(intent.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert len(world.stripe.refunds.list({"payment_intent": intent.id}).data) == 2
    assert world.shown("ledger")["invoices"]["inv_9"]["refunded"] == 2000
    assert world.types().count("charge.refunded") == 2
    totals = [
        event.data.object.amount_refunded
        for event in world.stripe.events.list({"type": "charge.refunded"}).data
    ]
    assert totals == [2000, 500]


def test_a_refund_that_succeeded_can_fail_later(world):
    intent = world.charge("pm_card_refundFail", metadata={"invoice_id": "inv_9"})
    refund = world.stripe.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    world.control(f"stripe/{refund.id}/fail", reason="lost_or_stolen_card")
    failed = world.stripe.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert world.stripe.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert world.shown("ledger")["invoices"]["inv_9"]["refunded"] == 0
    assert world.types()[-3:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    kinds = [row.type for row in world.stripe.balance_transactions.list({"source": refund.id}).data]
    assert kinds == ["refund_failure", "refund"]


def test_a_pending_refund_can_be_settled_once(world):
    world.control("settings", refund_status="pending")
    intent = world.charge()
    refund = world.stripe.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    assert world.control(f"stripe/{refund.id}/succeed")["status"] == "succeeded"
    assert world.http.post(f"/sandbox/stripe/{refund.id}/succeed").status_code == 400


def test_a_refund_that_needs_the_customer_can_be_cancelled(world):
    world.control("settings", refund_status="requires_action")
    refund = world.stripe.refunds.create({"payment_intent": world.charge().id})
    assert world.stripe.refunds.cancel(refund.id).status == "canceled"


def test_a_refund_settles_by_itself_after_the_configured_time(world):
    world.control("settings", settle_after=60)
    intent = world.charge("pm_card_refundFail")
    refund = world.stripe.refunds.create({"payment_intent": intent.id})
    world.control("clock", advance=61)
    assert world.stripe.refunds.retrieve(refund.id).status == "failed"


def test_an_unpaid_intent_cannot_be_refunded(world):
    intent = world.stripe.payment_intents.create({"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        world.stripe.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.refunds.create({"payment_intent": "pi_none"})
    assert (refused.value.code, refused.value.param) == ("resource_missing", "payment_intent")
