"""Disputes: opened by a cardholder, answered with evidence, then won, lost or closed, while their
money moves back and forth.
"""

from sandbox.stripe import balance
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import Json, unexpected
from sandbox.stripe.lists import newest_first, page

FEE = 1500
ANSWER_WITHIN = 7 * 24 * 3600
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


def open_dispute(
    account: Account,
    charge: Json,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    inquiry: bool = False,
) -> Json:
    """Open a dispute; an inquiry moves no money yet."""
    dispute = account.new(
        "dispute",
        amount=charge["amount"] if amount is None else amount,
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        currency=charge["currency"],
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
        is_charge_refundable=inquiry,
    )
    dispute["evidence_details"]["due_by"] = account.now() + ANSWER_WITHIN
    dispute["payment_method_details"]["card"]["case_type"] = "inquiry" if inquiry else "chargeback"
    charge["disputed"] = True
    if inquiry:
        account.emit("charge.dispute.created", dispute)
    else:
        _withdraw(account, dispute)
    return dispute


def _withdraw(account: Account, dispute: Json) -> None:
    """Withdraw the disputed amount and the fee, and emit the events."""
    _book(account, dispute, -dispute["amount"], FEE, "dispute")
    account.emit("charge.dispute.created", dispute)
    account.emit("charge.dispute.funds_withdrawn", dispute)


def _book(account: Account, dispute: Json, amount: int, fee: int, category: str) -> None:
    """Book a dispute's movement and list it in the dispute."""
    movement = balance.move(account, "adjustment", amount, dispute, fee=fee, category=category)
    dispute["balance_transactions"].append(movement)


def escalate(account: Account, dispute: Json) -> None:
    """Turn an inquiry into a chargeback."""
    dispute.update(status="needs_response", is_charge_refundable=False)
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    _book(account, dispute, -dispute["amount"], FEE, "dispute")
    account.emit("charge.dispute.updated", dispute, {"status": "warning_needs_response"})
    account.emit("charge.dispute.funds_withdrawn", dispute)


def win(account: Account, dispute: Json) -> None:
    """Decide for the merchant, who gets the money back."""
    decide_won(account, dispute)
    if dispute["balance_transactions"]:
        reinstate(account, dispute)


def decide_won(account: Account, dispute: Json) -> None:
    """Close a dispute for the merchant, with the money still withheld."""
    _must_be_open(dispute)
    dispute["status"] = "won" if dispute["balance_transactions"] else "warning_closed"
    account.emit("charge.dispute.closed", dispute)


def reinstate(account: Account, dispute: Json) -> None:
    """Return the money of a dispute that was won; Stripe does so after closing it."""
    if dispute["status"] != "won" or dispute["balance_transactions"][-1]["amount"] > 0:
        raise unexpected(
            f"Nothing is withheld by dispute {dispute['id']}, which is {dispute['status']}."
        )
    _book(account, dispute, dispute["amount"], -FEE, "dispute_reversal")
    account.emit("charge.dispute.funds_reinstated", dispute)


def lose(account: Account, dispute: Json) -> None:
    """Decide for the cardholder."""
    _must_be_open(dispute)
    dispute["status"] = "lost" if dispute["balance_transactions"] else "warning_closed"
    account.emit("charge.dispute.closed", dispute)


def _must_be_open(dispute: Json) -> None:
    """Refuse a second verdict."""
    if dispute["status"] not in OPEN:
        raise unexpected(f"This dispute is already closed: {dispute['status']}")


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/disputes/{id}``."""
    return account.get("dispute", id)


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/disputes/{id}``: store the evidence, and submit it unless ``submit=false``.
    Stripe's magic texts decide the dispute at once.
    """
    dispute = account.get("dispute", id)
    _must_be_open(dispute)
    evidence = params.get("evidence") or {}
    changes: Json = {"metadata": merged(dispute["metadata"], params.get("metadata"))}
    if evidence:
        details = {**dispute["evidence_details"], "has_evidence": True}
        if params.get("submit", True):
            details["submission_count"] += 1
            changes["status"] = dispute["status"].replace("needs_response", "under_review")
        changes |= {"evidence": {**dispute["evidence"], **evidence}, "evidence_details": details}
    account.change(dispute, "charge.dispute.updated", **changes)
    verdict = {"winning_evidence": win, "losing_evidence": lose}.get(
        str(evidence.get("uncategorized_text"))
    )
    if verdict and params.get("submit", True):
        verdict(account, dispute)
    return dispute


def close(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/disputes/{id}/close``: accept the loss."""
    dispute = account.get("dispute", id)
    lose(account, dispute)
    return dispute


def index(account: Account, params: Json) -> Json:
    """``GET /v1/disputes``."""
    return page("/v1/disputes", newest_first(account, "dispute", params), params)
