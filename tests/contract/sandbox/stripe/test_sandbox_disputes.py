"""Disputes: money withdrawn, evidence given, verdicts."""

import pytest
import stripe


@pytest.fixture
def disputed(world):
    """A payment of 2000 that its cardholder disputes."""
    intent = world.charge("pm_card_createDispute", metadata={"invoice_id": "inv_3"})
    return intent, world.stripe.disputes.list({"payment_intent": intent.id}).data[0]


def held(world):
    return world.shown("ledger")["invoices"]["inv_3"]["disputed"]


def test_a_dispute_withdraws_the_money_and_blocks_refunds(world, disputed):
    intent, dispute = disputed
    assert (dispute.status, dispute.amount, dispute.charge) == (
        "needs_response",
        2000,
        intent.latest_charge,
    )
    assert [(row.amount, row.fee) for row in dispute.balance_transactions] == [(-2000, 1500)]
    assert held(world) == 2000
    assert world.types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert world.stripe.charges.retrieve(intent.latest_charge).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"


def test_a_won_dispute_reinstates_the_money(world, disputed):
    _, dispute = disputed
    answered = world.stripe.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "it was fine"}, "submit": True}
    )
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    assert world.control(f"stripe/{dispute.id}/win")["status"] == "won"
    assert held(world) == 0
    assert world.types()[-3:] == [
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


@pytest.mark.parametrize("way", ["lose", "close", "evidence"])
def test_a_lost_dispute_keeps_the_money_withdrawn(world, disputed, way):
    _, dispute = disputed
    if way == "lose":
        world.control(f"stripe/{dispute.id}/lose")
    elif way == "close":
        world.stripe.disputes.close(dispute.id)
    else:
        world.stripe.disputes.update(
            dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}}
        )
    assert world.stripe.disputes.retrieve(dispute.id).status == "lost"
    assert held(world) == 2000
    with pytest.raises(stripe.InvalidRequestError, match="closed"):
        world.stripe.disputes.close(dispute.id)


def test_an_inquiry_moves_money_only_if_it_escalates(world):
    intent = world.charge(metadata={"invoice_id": "inv_3"})
    dispute = world.control(
        f"stripe/{intent.id}/dispute", inquiry=True, amount=700, reason="general"
    )
    assert dispute["status"] == "warning_needs_response"
    assert held(world) == 0
    world.control(f"stripe/{dispute['id']}/escalate")
    assert held(world) == 700
