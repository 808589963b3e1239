"""What a Stripe event says about money, as values of ours.

Which types are read, and as what, is listed in `rules/stripe_event_types.py`.
"""

from dataclasses import dataclass
from typing import Any

from rules.payment_merge import Charge, PaymentReport
from rules.stripe_event_types import event_type

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Belonging:
    """What an object's metadata claims about whose it is; empty strings where it says nothing."""

    account_id: str = ""
    invoice_id: str = ""
    attempt_id: str = ""


@dataclass(frozen=True, slots=True)
class PaymentFinding:
    """Something is known of a PaymentIntent."""

    intent_id: str
    report: PaymentReport
    belonging: Belonging


@dataclass(frozen=True, slots=True)
class RefundFinding:
    """Something is known of a refund: Stripe's refund object."""

    intent_id: str
    refund: Json
    belonging: Belonging


@dataclass(frozen=True, slots=True)
class LookAtRefunds:
    """Refunds of this intent changed: ask Stripe which."""

    intent_id: str


@dataclass(frozen=True, slots=True)
class LookAtDispute:
    """A dispute of this intent changed: read it at Stripe, for its events have no order."""

    intent_id: str
    dispute_id: str


Finding = LookAtDispute | PaymentFinding | RefundFinding | LookAtRefunds


def read_event(event: Json) -> Finding | None:
    """What the event says, or None when it says nothing about money of ours."""
    known = event_type(str(event.get("type", "")))
    subject = event.get("data", {}).get("object", {})
    match known.tells if known is not None else None:
        case "payment":
            return read_intent(subject)
        case "session":
            return _read_session(subject)
        case "refund" if subject.get("payment_intent"):
            return RefundFinding(subject["payment_intent"], subject, _belonging(subject))
        case "refunds changed" if subject.get("payment_intent"):
            return LookAtRefunds(subject["payment_intent"])
        case "dispute changed" if subject.get("payment_intent"):
            return LookAtDispute(subject["payment_intent"], subject["id"])
        case _:
            return None


def read_intent(intent: Json) -> PaymentFinding:
    """A PaymentIntent as a finding."""
    status = intent["status"]
    charge_id = intent.get("latest_charge") or ""
    error = intent.get("last_payment_error") or {}
    charges: dict[str, Charge] = {}
    if status == "processing" and charge_id:
        charges[charge_id] = Charge("processing")
    elif error and (error.get("charge") or charge_id):
        charges[error.get("charge") or charge_id] = Charge(
            "failed", error.get("decline_code") or error.get("code") or ""
        )
    report = PaymentReport(
        terminal=status if status in {"succeeded", "canceled"} else "",
        amount=intent["amount"],
        amount_received=intent.get("amount_received") or 0 if status == "succeeded" else 0,
        currency=intent["currency"],
        charges=charges,
    )
    return PaymentFinding(intent["id"], report, _belonging(intent))


def _read_session(session: Json) -> PaymentFinding | None:
    """A Checkout Session in payment mode. Completed is not paid: only `payment_status` says so."""
    if session.get("mode") != "payment" or not session.get("payment_intent"):
        return None
    paid = session.get("payment_status") == "paid"
    amount = session.get("amount_total") or 0
    report = PaymentReport(
        "succeeded" if paid else "", amount, amount if paid else 0, session["currency"]
    )
    return PaymentFinding(session["payment_intent"], report, _belonging(session))


def _belonging(subject: Json) -> Belonging:
    metadata = subject.get("metadata") or {}
    return Belonging(
        metadata.get("account_id", ""),
        metadata.get("invoice_id", ""),
        metadata.get("attempt_id", ""),
    )
