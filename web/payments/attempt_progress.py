"""The progress of an attempt, shown as a payment: what the `Location` of a 202 answers at once."""

from typing import Any

from actions.payments.charge import why_not_charged
from models.calling.keypad_session import KeypadSession
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from rules.calling.keypad import why_failed
from web.payments.responses import PaymentWithRefunds

# a payment's statuses in which the latest charge says more than the intent
NOT_CHARGED = frozenset({"pending", "failed", "canceled"})
OVER = {"refused": "refused", "closed": "canceled"}  # the status of an attempt without a payment
NO_PROBLEM = {"code": None, "advice": None}

Fields = dict[str, Any]


def attempt_shown(
    attempt: PaymentAttempt, payment: Payment | None, **beside: Any
) -> PaymentWithRefunds:
    """The attempt's payment, or a stand-in until Stripe has reported one.

    Its status is `unknown` while a charge is in progress, and `failed` or `refused`, with the code
    and the advice of the charge's own answer, if nothing was charged.
    """
    fields = NO_PROBLEM | beside | _progress(attempt, payment)
    if payment is not None:
        return PaymentWithRefunds.of(payment, **fields)
    return PaymentWithRefunds.of_attempt(
        attempt, **{"status": OVER.get(attempt.state, "pending")} | fields
    )


def entry_shown(session: KeypadSession, **beside: Any) -> PaymentWithRefunds:
    """A card entry by keypad, shown as a payment before anything is charged: `pending`, or `failed`
    with the reason.
    """
    fields: Fields = {"status": "pending"}
    if session.state == "failed":
        fields = {"status": "failed", "code": "keypad_failed", "advice": why_failed(session.error)}
    return PaymentWithRefunds.of_entry(session, **NO_PROBLEM | beside | fields)


def _progress(attempt: PaymentAttempt, payment: Payment | None) -> Fields:
    if payment is not None and payment.status not in NOT_CHARGED:
        return {}
    charge = PaymentConfirmation.latest(attempt)
    if charge is None:
        refused = {"code": "payment_refused", "advice": attempt.error}
        return refused if attempt.state == "refused" else {}
    if charge.state == "requested":
        return {"status": "unknown"}
    if charge.state not in {"declined", "refused"}:
        return {}
    why = why_not_charged(charge)
    return {
        "status": "failed" if charge.state == "declined" else "refused",
        "code": why.code,
        "advice": why.members.get("advice") or why.detail,
    }
