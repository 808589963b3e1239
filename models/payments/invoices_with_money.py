"""Which invoices have money received or on its way, so that their amounts must not change."""

from collections.abc import Sequence

from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation


def invoices_with_money(invoice_ids: Sequence[str]) -> set[str]:
    """Those invoices that received a payment (even if it was returned), have one processing, or
    have a card being charged.

    An open payment form, a declined card and a voided payment do not count.
    """
    came = (Payment.amount_received > 0) & Payment.voided_at.is_null()
    paid = Payment.select(Payment.invoice).where(Payment.invoice.in_(invoice_ids), came)
    return {row.invoice_id for row in paid} | invoices_with_payment_under_way(invoice_ids)


def invoices_with_payment_under_way(invoice_ids: Sequence[str]) -> set[str]:
    """Those invoices with a payment that a bank is processing, or a card that is being charged."""
    processing = Payment.select(Payment.invoice).where(
        Payment.invoice.in_(invoice_ids), Payment.status == "processing"
    )
    running = PaymentConfirmation.select(PaymentConfirmation.attempt).where(
        PaymentConfirmation.state == "requested"
    )
    charged = PaymentAttempt.select(PaymentAttempt.invoice).where(
        PaymentAttempt.invoice.in_(invoice_ids), PaymentAttempt.id.in_(running)
    )
    return {row.invoice_id for row in (*processing, *charged)}
