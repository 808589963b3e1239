"""Charges: each is one attempt to take an intent's money."""

from sandbox.stripe import balance, disputes
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.lists import newest_first, page
from sandbox.stripe.test_cards import TestCard, message_for

APPROVED = {
    "network_status": "approved_by_network",
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def _outcome(card: TestCard | None) -> Json:
    """Return the network's outcome: approved, or declined with the test card's codes."""
    told: Json = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "reason": None,
        **APPROVED,
    }
    if card:
        blocked = card.name == "radarBlock"
        told |= {
            "advice_code": card.advice,
            "network_status": "not_sent_to_network" if blocked else "declined_by_network",
            "reason": card.decline_code or card.code,
            "type": "blocked" if blocked else "issuer_declined",
            "seller_message": "The bank declined this charge.",
        }
    return told


def make(
    account: Account,
    intent: Json,
    method: Json,
    declined: TestCard | None = None,
    status: str = "succeeded",
) -> Json:
    """Create an intent's charge with the given outcome."""
    charge = account.new(
        "charge",
        amount=intent["amount"],
        amount_captured=intent["amount"] if status == "succeeded" else 0,
        billing_details=method["billing_details"],
        captured=status == "succeeded",
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        outcome=_outcome(declined),
        paid=status == "succeeded",
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(method),
        receipt_email=intent["receipt_email"],
        status=status,
    )
    intent["latest_charge"] = charge["id"]
    if declined:
        message = message_for(declined.code, declined.decline_code)
        charge.update(failure_code=declined.code, failure_message=message)
    return charge


def _details(method: Json) -> Json:
    """Return the payment method's details that a charge repeats."""
    kind = method["type"]
    shown = {
        name: value
        for name, value in method[kind].items()
        if name not in ("networks", "generated_from")
    }
    if kind == "card":
        shown |= {
            "network": shown["brand"],
            "installments": None,
            "mandate": None,
            "three_d_secure": None,
        }
    return {"type": kind, kind: shown}


def book(account: Account, charge: Json) -> None:
    """Book a charge's money, as Stripe does a moment after the charge succeeds."""
    movement = balance.move(
        account, "charge", charge["amount_captured"], charge, fee=card_fee_of(charge)
    )
    receipt = f"{account.cause.base_url}/receipts/{charge['id']}"
    account.change(
        charge, "charge.updated", balance_transaction=movement["id"], receipt_url=receipt
    )


def card_fee_of(charge: Json) -> int:
    """Return the fee on a charge."""
    return balance.card_fee(charge["amount_captured"])


def fail(account: Account, charge: Json, card: TestCard) -> None:
    """Fail a pending charge."""
    message = message_for(card.code, card.decline_code)
    charge.update(
        status="failed",
        paid=False,
        failure_code=card.code,
        failure_message=message,
        outcome=_outcome(card),
    )
    account.emit("charge.failed", charge)


def follow(account: Account, charge: Json, card: TestCard) -> None:
    """Open the dispute that a test card causes after its charge, if any."""
    if card.dispute == "inquiry":
        disputes.open_dispute(account, charge, reason="general", inquiry=True)
    elif card.dispute:
        disputes.open_dispute(account, charge, reason=card.dispute)


def refundable(account: Account, charge: Json) -> int:
    """Return how much of a charge can still be refunded; raises ``ApiError`` if it cannot be."""
    if charge["refunded"]:
        raise ApiError(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if any(
        not dispute["is_charge_refundable"]
        for dispute in account.each("dispute", charge=charge["id"])
    ):
        raise ApiError(
            400,
            f"Charge {charge['id']} has been charged back and cannot be refunded.",
            code="charge_disputed",
        )
    return int(charge["amount_captured"] - charge["amount_refunded"])


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/charges/{id}``."""
    return account.get("charge", id)


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/charges/{id}``: metadata and description."""
    charge = account.get("charge", id)
    metadata = merged(charge["metadata"], params.get("metadata"))
    changes = {
        "metadata": metadata,
        "description": params.get("description", charge["description"]),
    }
    return account.change(charge, "charge.updated", **changes)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/charges``."""
    return page("/v1/charges", newest_first(account, "charge", params), params)
