"""Recomputing an invoice's amounts and status from its facts, after every change.

A new invoice gets its first ones when it is made.
"""

from actions.payments.announce_returns import announce_returns
from actions.payments.retire_open_payments import retire_open_payments
from models.feed.emit import emit
from models.invoices.invoice import Invoice
from models.payments.invoice_facts import InvoiceFacts
from runtime.clock import business_now, real_now

ANNOUNCED = frozenset({"paid", "overdue"})  # statuses whose coming the clinic's software hears of


def recompute(invoice: Invoice, facts: InvoiceFacts | None = None) -> bool:
    """Recompute a locked invoice in the open transaction, from `facts` if they were just read.
    Answers whether anything changed.

    If its balance changed, the links and intents for the old one are retired.
    """
    facts, now = facts or InvoiceFacts.of(invoice), real_now()
    status = invoice.status
    revision = invoice.balance_revision
    today = invoice.account.local_date(business_now())
    changed = invoice.record_amounts(facts.amounts(invoice, today), now)
    if invoice.status != status and invoice.status in ANNOUNCED:
        emit(
            invoice.account_id,
            f"invoice.{invoice.status}",
            _about(invoice),
            f"invoice:{invoice.id}",
        )
    announce_returns(invoice, facts, now)
    if invoice.balance_revision != revision or invoice.mark != "sent" or invoice.disputed:
        retire_open_payments(invoice)
    return changed


def _about(invoice: Invoice) -> dict[str, object]:
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
