"""Refunds: of an intent or a charge, whole or in part; some fail or settle later."""

import copy

from sandbox.stripe import balance, charges, payment_methods
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import ApiError, Json, invalid, unexpected
from sandbox.stripe.lists import newest_first, page

SETTLING = ("pending", "requires_action")


def create(account: Account, params: Json) -> Json:
    """``POST /v1/refunds``: refunds what is left, unless an amount is given."""
    charge = _charge(account, params)
    left = charges.refundable(account, charge)
    amount = params.get("amount", left)
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param="amount",
            code="parameter_invalid_integer",
        )
    if amount > left:
        raise ApiError(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    method = account.get("payment_method", charge["payment_method"])
    card = payment_methods.behaviour(account, method)
    refund = account.new(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        metadata=merged({}, params.get("metadata")),
        payment_intent=charge["payment_intent"],
        reason=params.get("reason"),
        status="pending" if card.refund == "pends" else account.shared.settings.refund_status,
    )
    _take(account, charge, refund)
    _schedule(account, refund, card.refund)
    return refund


def _charge(account: Account, params: Json) -> Json:
    """Return the succeeded charge to refund, or refuse."""
    if "charge" in params:
        charge = account.get("charge", params["charge"], "charge")
    elif "payment_intent" in params:
        intent = account.get("payment_intent", params["payment_intent"], "payment_intent")
        if not intent["latest_charge"]:
            raise unexpected(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            )
        charge = account.get("charge", intent["latest_charge"])
    else:
        raise invalid(
            "One of the following params should be provided: payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise unexpected(f"Charge {charge['id']} did not succeed and cannot be refunded.")
    return charge


def _take(account: Account, charge: Json, refund: Json) -> None:
    """Count a refund against its charge, and emit the events."""
    movement = balance.move(account, "refund", -refund["amount"], refund)
    refund["balance_transaction"] = movement["id"]
    account.emit("refund.created", refund)
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += refund["amount"]
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    account.emit("charge.refunded", charge, previous)
    if refund["status"] == "succeeded":
        _add_reference(account, refund)


def _add_reference(account: Account, refund: Json) -> None:
    """Add the bank's reference, which Stripe reports as an update of its own."""
    previous = {"destination_details": copy.deepcopy(refund["destination_details"])}
    refund["destination_details"]["card"] |= {
        "reference": account.shared.ids.token(12),
        "reference_status": "available",
    }
    account.emit("refund.updated", refund, previous)
    account.emit("charge.refund.updated", refund, previous)


def _schedule(account: Account, refund: Json, habit: str) -> None:
    """Schedule a refund's change, if things settle by themselves."""
    wait = account.shared.settings.settle_after
    if wait is not None and (habit == "fails" or refund["status"] in SETTLING):
        happening = "refund fails" if habit == "fails" else "refund succeeds"
        account.shared.timers.at(account.now() + wait, happening, account.id, refund["id"])


def succeed(account: Account, refund: Json) -> None:
    """Complete a pending refund."""
    if refund["status"] not in SETTLING:
        raise unexpected(
            f"Refund {refund['id']} is {refund['status']}: only a pending one can succeed."
        )
    _change(account, refund, "succeeded")


def fail(
    account: Account, refund: Json, reason: str = "expired_or_canceled_card", status: str = "failed"
) -> None:
    """Fail a refund, even one that had succeeded: the money returns to the merchant."""
    if refund["status"] in ("failed", "canceled"):
        raise unexpected(f"Refund {refund['id']} is already {refund['status']}.")
    charge = account.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    movement = balance.move(account, "refund_failure", refund["amount"], refund)
    refund["failure_balance_transaction"] = movement["id"]
    if status == "failed":
        refund["failure_reason"] = reason
    _change(account, refund, status)


def _change(account: Account, refund: Json, status: str) -> None:
    """Set a refund's status, which Stripe reports in several events."""
    previous = {"status": refund["status"]}
    refund["status"] = status
    account.emit("refund.updated", refund, previous)
    account.emit("charge.refund.updated", refund, previous)
    if status == "failed":
        account.emit("refund.failed", refund, previous)


def cancel(account: Account, params: Json, id: str) -> Json:
    """``POST …/cancel``: possible only while it waits for the customer."""
    refund = account.get("refund", id)
    if refund["status"] != "requires_action":
        raise unexpected(
            f"Refund {id} is {refund['status']}: only one that requires action can be canceled."
        )
    fail(account, refund, status="canceled")
    return refund


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/refunds/{id}``."""
    return account.get("refund", id)


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/refunds/{id}``: metadata."""
    refund = account.get("refund", id)
    metadata = merged(refund["metadata"], params.get("metadata"))
    return account.change(refund, "refund.updated", metadata=metadata)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/refunds``."""
    return page("/v1/refunds", newest_first(account, "refund", params), params)
