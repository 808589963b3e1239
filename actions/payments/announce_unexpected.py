"""Telling the clinic at once of money that came in and was not asked for any more: its invoice was
cancelled or written off, or had been paid another way, or is in another currency.

It counts all the same, because it is there; whether it is kept or given back, the clinic decides.
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


class Before(NamedTuple):
    """What an invoice had before a payment was recorded."""

    received: int
    overpaid: int
    foreign: frozenset[str]  # ids of its payments that brought another currency
    succeeded: frozenset[str]  # ids of those that had succeeded

    @classmethod
    def of(cls, invoice: Invoice, payments: Iterable[Payment]) -> "Before":
        """The locked invoice's amounts and payments as they are now."""
        foreign = frozenset(each.id for each in payments if _is_foreign(invoice, each))
        succeeded = frozenset(each.id for each in payments if each.terminal == "succeeded")
        return cls(invoice.amount_received, invoice.overpaid, foreign, succeeded)

    def is_newly_foreign(self, invoice: Invoice, payment: Payment) -> bool:
        """Whether the payment has brought, since then, money that the invoice cannot count."""
        return _is_foreign(invoice, payment) and payment.id not in self.foreign


def announce_unexpected(invoice: Invoice, payment: Payment, before: Before) -> None:
    """Emit an event if the payment, just recorded and counted, was not expected; with all that a
    refund needs.
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
        _hand_over(invoice, payment)


def _hand_over(invoice: Invoice, payment: Payment) -> None:
    """The books say that all is owed, and somebody has paid: a person decides what it was worth,
    and until then nobody asks for it again.
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
    """Whether it brought money that the invoice cannot count."""
    return payment.currency != invoice.currency and payment.amount_received > 0


def _why(invoice: Invoice, payment: Payment, before: Before) -> str:
    if before.is_newly_foreign(invoice, payment):
        return "currency"
    if invoice.amount_received <= before.received:
        return ""
    if invoice.mark in CLOSING_MARKS:
        return invoice.mark
    return "overpaid" if invoice.overpaid > before.overpaid else ""
