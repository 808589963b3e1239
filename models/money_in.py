"""Which invoices have money in them, or on its way: their amount is settled, and is not corrected any more."""

from collections.abc import Sequence

from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.payment_confirmation import PaymentConfirmation


def with_money(invoice_ids: Sequence[str]) -> set[str]:
    """Those that received something (even if it went back), whose bank is still at it, or whose card is being charged.

    An open payment form, a declined card and a voided payment are no money.
    """
    came = (Payment.amount_received > 0) & Payment.voided_at.is_null()
    paid = Payment.select(Payment.invoice).where(Payment.invoice.in_(invoice_ids), came | (Payment.status == "processing"))
    running = PaymentConfirmation.select(PaymentConfirmation.attempt).where(PaymentConfirmation.state == "requested")
    charged = PaymentAttempt.select(PaymentAttempt.invoice).where(PaymentAttempt.invoice.in_(invoice_ids), PaymentAttempt.id.in_(running))
    return {row.invoice_id for row in (*paid, *charged)}
