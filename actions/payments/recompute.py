"""Recomputing an invoice's amounts and status from its facts, after every change. A new invoice
gets its first ones when it is made.
"""

from datetime import date, datetime

from actions.payments.announce_returns import tell_returns
from models.feed.emit import emit
from models.invoices.invoice import Invoice
from models.payments.dispute import dispute_facts, has_open_dispute
from models.payments.payment import Payment, payment_facts
from models.payments.refund import return_facts
from rules.invoice_fold import fold

TOLD = frozenset({"paid", "overdue"})  # statuses whose coming the clinic's software is told


def refold(invoice: Invoice, now: datetime, today: date) -> bool:
    """Recompute a locked invoice's amounts and status from its facts. Answers whether anything
    changed.
    """
    payments = list(Payment.select().where(Payment.invoice == invoice))
    returns = [*return_facts(payments), *dispute_facts(payments)]
    standing = fold(
        invoice.terms, payment_facts(payments), returns, has_open_dispute(payments), today
    )
    before = invoice.status
    changed = invoice.stand(standing, now)
    if invoice.status != before and invoice.status in TOLD:
        emit(
            invoice.account_id, f"invoice.{invoice.status}", _told(invoice), f"invoice:{invoice.id}"
        )
    tell_returns(invoice, payments, now)
    return changed


def _told(invoice: Invoice) -> dict[str, object]:
    return {
        "invoiceId": invoice.id,
        "customerId": invoice.customer_id,
        "number": invoice.number,
        "status": invoice.status,
        "currency": invoice.currency,
        "amountDue": invoice.amount_due,
        "amountPaid": invoice.amount_paid,
        "outstandingBalance": invoice.outstanding,
        "dueDate": invoice.due_date.isoformat(),
    }
