"""Recompute an invoice's amounts and status from its facts, after every change.

A new invoice gets its first amounts when it is created.
"""

from collections.abc import Sequence
from datetime import datetime

from actions.contact.promise import keep_promise_early
from actions.payments.retire_open_payments import retire_open_payments
from actions.payments.returns.announce_returns import announce_returns
from actions.people.overpayments_and_disputes import (
    is_newly_lost,
    overpaid_amount,
    update_overpayment_item,
)
from models.contact.contact_course import ContactCourse
from models.contact.hold import customer_key
from models.feed.emit import NewEvent, emit_all, emit_each
from models.invoices.invoice import Invoice
from models.payments.invoice_facts import InvoiceFacts
from models.transactions import serialize_on
from rules.invoice_fold import Amounts
from runtime.clock import business_now, real_now

ANNOUNCED = frozenset({"paid", "overdue"})  # statuses that are announced on the clinic's feed


def recompute(
    invoice: Invoice, facts: InvoiceFacts | None = None, news: Sequence[NewEvent] = ()
) -> bool:
    """Recompute a locked invoice in the open transaction, from `facts` if they were just read. Emit
    `news`, then its new status. Return whether anything changed.

    If its balance changed, links and intents for the old balance are retired. A promise that is now
    kept is settled, and an overpayment becomes a staff task.
    """
    facts, now = facts or InvoiceFacts.of(invoice), real_now()
    if any(is_newly_lost(dispute) for _, dispute in facts.disputes):
        serialize_on(customer_key(invoice.customer_id))  # for a hold; lock order: before the feed
    status, owed_back = invoice.status, overpaid_amount(invoice)
    revision = invoice.balance_revision
    today = invoice.account.local_date(business_now())
    changed = invoice.record_amounts(facts.amounts(invoice, today), now)
    if invoice.status != status and invoice.status in ANNOUNCED:
        told = NewEvent(f"invoice.{invoice.status}", payload_of(invoice), f"invoice:{invoice.id}")
        news = [*news, told]
    if news:
        emit_all(invoice.account_id, news)
    if invoice.status != status and "overdue" in {invoice.status, status}:
        ContactCourse.recheck([(invoice.account_id, invoice.customer_id)])
    if facts.promised and changed:
        keep_promise_early(invoice, facts)
    if changed:
        update_overpayment_item(invoice, owed_back)
    announce_returns(invoice, facts, now)
    if invoice.balance_revision != revision or invoice.mark != "sent" or invoice.disputed:
        retire_open_payments(invoice)
    return changed


def recompute_each(invoices: Sequence[Invoice]) -> dict[str, bool]:
    """Recompute locked invoices with their accounts. Return by invoice id whether each changed.

    Invoices whose only change is to become overdue, which is most of a sweep, are written and
    announced together.
    """
    facts, now = InvoiceFacts.of_each(invoices), business_now()
    late = [invoice for invoice in invoices if _is_only_late(invoice, facts[invoice.id], now)]
    late_ids = {invoice.id for invoice in late}
    Invoice.record_overdue(late, real_now())
    told: dict[str, dict[str, dict[str, object]]] = {}
    for invoice in late:
        told.setdefault(invoice.account_id, {})[f"invoice:{invoice.id}"] = payload_of(invoice)
    for account_id, payloads in told.items():
        emit_each(account_id, "invoice.overdue", payloads)
    ContactCourse.recheck((invoice.account_id, invoice.customer_id) for invoice in late)
    changed = {
        invoice.id: recompute(invoice, facts[invoice.id])
        for invoice in invoices
        if invoice.id not in late_ids
    }
    return dict.fromkeys(late_ids, True) | changed


def _is_only_late(invoice: Invoice, facts: InvoiceFacts, now: datetime) -> bool:
    """Whether becoming overdue is all that recomputing would change."""
    if invoice.status != "sent" or invoice.mark != "sent" or facts.refunds or facts.disputes:
        return False
    amounts = facts.amounts(invoice, invoice.account.local_date(now))
    as_it_is = {name: getattr(invoice, name) for name in amounts.__slots__}
    return amounts == Amounts(**as_it_is | {"status": "overdue"}) and not invoice.disputed


def payload_of(invoice: Invoice) -> dict[str, object]:
    """Return the feed payload about an invoice whose status has changed."""
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
