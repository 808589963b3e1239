"""Void an offline payment: it was entered by mistake, or its check bounced."""

from actions.payments.recompute import recompute
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.transactions import transaction
from runtime.clock import real_now
from runtime.errors import NotAllowed


def void_payment(payment_id: str, reason: str, actor: str) -> Payment:
    """Void a payment, so that it no longer counts, and recompute its invoice. Idempotent.

    Raises NotAllowed for a card payment: its money is at Stripe, and is returned by a refund.
    """
    with transaction():
        invoice = Invoice.locked(Payment.get_by_id(payment_id).invoice_id)
        payment: Payment = Payment.get_by_id(payment_id)
        if payment.method == "stripe":
            raise NotAllowed(f"Payment {payment.id} was taken by card; give it back with a refund.")
        if payment.voided_at is None:
            payment.record_voided(reason, real_now())
            about = {
                "invoice_id": invoice.id,
                "amount": payment.amount,
                "currency": payment.currency,
                "method": payment.method,
            }
            AuditEntry.record(
                actor, "payment.voided", f"payment:{payment.id}", payment.account_id, **about
            )
            recompute(invoice)
    return payment
