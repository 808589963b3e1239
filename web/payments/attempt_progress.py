"""What has become of an attempt to pay, shaped as a payment: answered where a 202 led to, from the
first moment on.
"""

from typing import Any

from actions.payments.charge import why_not_charged
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from runtime.clock import rfc3339
from web.invoices.shapes import show_payment

# of a payment: then the latest charge says more than the intent
UNTAKEN = frozenset({"pending", "failed", "canceled"})
OVER = {"refused": "refused", "closed": "canceled"}  # of an attempt that has no payment
UNTROUBLED = {"code": None, "advice": None}

Json = dict[str, Any]


def show_attempt(attempt: PaymentAttempt, payment: Payment | None) -> Json:
    """The attempt's payment, or what stands for it until Stripe has told of one.

    `unknown` while a charge goes on; `failed` or `refused`, with the code and the advice that the
    charge would have been answered with.
    """
    shown = (show_payment(payment) if payment else _without_payment(attempt)) | UNTROUBLED
    charge = PaymentConfirmation.latest(attempt)
    if payment is not None and payment.status not in UNTAKEN:
        return shown
    if charge is None:
        return shown | (
            {"code": "payment_refused", "advice": attempt.error}
            if attempt.state == "refused"
            else {}
        )
    if charge.state == "requested":
        return shown | {"status": "unknown"}
    return shown | (_nothing_charged(charge) if charge.state in {"declined", "refused"} else {})


def _nothing_charged(charge: PaymentConfirmation) -> Json:
    problem = why_not_charged(charge)
    status = "failed" if charge.state == "declined" else "refused"
    return {
        "status": status,
        "code": problem.code,
        "advice": problem.members.get("advice") or problem.detail,
    }


def _without_payment(attempt: PaymentAttempt) -> Json:
    return {
        "id": attempt.id,
        "invoice": attempt.invoice_id,
        "method": "stripe",
        "status": OVER.get(attempt.state, "pending"),
        "amount": attempt.amount,
        "amountReceived": 0,
        "currency": attempt.currency,
        "paymentIntentId": attempt.intent_id,
        "reference": attempt.intent_id,
        "declineCodes": [],
        "voidedAt": None,
        "voidReason": None,
        "createdAt": rfc3339(attempt.created_at),
        "updatedAt": rfc3339(attempt.updated_at),
    }
