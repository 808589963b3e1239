"""Tell the clinic at once about unexpected money: a payment of an invoice that was cancelled,
written off or already paid another way, or in another currency.

The money counts all the same, because it was received. Whether to keep it or refund it is for the
clinic to decide.
"""

from collections.abc import Iterable
from typing import NamedTuple

from actions.contact.escalate import open_escalation
from models.feed.emit import emit
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.refund_request import refundable
from rules.invoice_fold import CLOSING_MARKS


class InvoiceBefore(NamedTuple):
    """An invoice's state before a payment was recorded."""

    received: int
    overpaid: int
    foreign: frozenset[str]  # ids of its payments in another currency
    succeeded: frozenset[str]  # ids of its succeeded payments

    @classmethod
    def of(cls, invoice: Invoice, payments: Iterable[Payment]) -> "InvoiceBefore":
        """Read the locked invoice's current amounts and payments."""
        foreign = frozenset(each.id for each in payments if _is_foreign(invoice, each))
        succeeded = frozenset(each.id for each in payments if each.terminal == "succeeded")
        return cls(invoice.amount_received, invoice.overpaid, foreign, succeeded)

    def is_newly_foreign(self, invoice: Invoice, payment: Payment) -> bool:
        """Whether the payment has since brought money in another currency."""
        return _is_foreign(invoice, payment) and payment.id not in self.foreign


def announce_unexpected(invoice: Invoice, payment: Payment, before: InvoiceBefore) -> None:
    """Emit an event if the payment, just recorded and counted, was not expected. The event has all
    that a refund needs.
    """
    because = _why(invoice, payment, before)
    if not because:
        return
    about = {
        "invoiceId": invoice.id,
        "paymentId": payment.id,
        "callId": PaymentConfirmation.call_of(payment.intent_id),
        "number": invoice.number,
        "because": because,
        "amount": payment.amount_received,
        "currency": payment.currency,
        "overpaid": invoice.overpaid,
        "refundable": refundable(payment),
        "refundUrl": f"/api/payments/{payment.id}/refunds",
    }
    emit(invoice.account_id, "payment.unexpected", about, f"invoice:{invoice.id}")
    if because == "currency":
        _escalate(invoice, payment)


def _escalate(invoice: Invoice, payment: Payment) -> None:
    """Escalate a payment in another currency: the books show the full balance, yet a customer has
    paid. Staff decide what it was worth; until then the customer is on hold.
    """
    context = {
        "paymentId": payment.id,
        "amount": payment.amount_received,
        "currency": payment.currency,
    }
    open_escalation(
        invoice.account,
        invoice.customer,
        invoice,
        "another_currency",
        context,
        subject=payment.id,
        suggested="done",
        hold="other",
    )


def _is_foreign(invoice: Invoice, payment: Payment) -> bool:
    """Whether the payment brought money in a currency that the invoice cannot count."""
    return payment.currency != invoice.currency and payment.amount_received > 0


def _why(invoice: Invoice, payment: Payment, before: InvoiceBefore) -> str:
    if before.is_newly_foreign(invoice, payment):
        return "currency"
    if invoice.amount_received <= before.received:
        return ""
    if invoice.mark in CLOSING_MARKS:
        return invoice.mark
    return "overpaid" if invoice.overpaid > before.overpaid else ""
