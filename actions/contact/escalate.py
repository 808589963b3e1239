"""Escalate to staff at the clinic, and announce it in the clinic's feed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from actions.contact.holds import hold_at_once
from models.accounts.account import Account
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.contact.work_item import WorkItem
from models.feed.emit import emit
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import transaction
from rules.contact.work_items import HOLDS, reason_in_words
from runtime.clock import business_now, rfc3339

DUE_AFTER = timedelta(days=1)  # a customer who waits for an answer gets it within a day


def open_escalation(
    account: Account,
    customer: Customer,
    invoice: Invoice | None,
    reason: str,
    context: Mapping[str, Any],
    due: datetime | None = None,
    *,
    subject: str = "",
    owner: str | None = None,
    suggested: str = "reply",
    hold: str = "",
    by: str = SYSTEM,
) -> WorkItem:
    """Open the work item of an escalation, in the caller's transaction, due within a day unless
    `due` is given.

    `reason` is a key of `REASONS` in `rules/contact/work_items.py`, or free text. `context` holds
    ids, amounts and the customer's words, redacted, and nothing about health. There is one item per
    `subject` (such as a call's id), or else per reason and invoice or customer; a resolved item
    opens again with the new context. A reason in `HOLDS` also puts its hold on the customer, any
    other reason the hold of kind `hold`, if given.
    """
    about = subject or (invoice.id if invoice is not None else customer.id)
    told, soon = {"reason": reason, **context}, business_now() + DUE_AFTER
    with transaction():
        if hold := HOLDS.get(reason, hold):
            hold_at_once(customer, hold, reason_in_words(reason), by, reason=reason)
        item = WorkItem.open(
            account.id,
            "escalation",
            f"{about}:{reason}"[:200],
            reason_in_words(reason),
            customer_id=customer.id,
            invoice_id=invoice.id if invoice is not None else None,
            suggested=suggested,
            owner=owner,
            due_at=due or soon,
            context=told,
        )
        if not item.is_new and item.is_open:
            _note(item, str(context.get("note") or "").strip())
            return item
        if not item.is_new:
            also = {"due_at": due or max(item.due_at or soon, soon), "owner": owner or item.owner}
            item.open_again(item.words, {**item.context, **told}, **also)
        _announce(item, reason, by)
    return item


def _note(item: WorkItem, note: str) -> None:
    """Append a further note to the notes of an item that is already open, unless it is one."""
    notes = str(item.context.get("note") or "")
    if note and f"\n{note}\n" not in f"\n{notes}\n":
        item.record_context({**item.context, "note": f"{notes}\n{note}".strip()})


def _announce(item: WorkItem, reason: str, by: str) -> None:
    about = {
        "workItemId": item.id,
        "customerId": item.customer_id,
        "invoiceId": item.invoice_id,
        "reason": reason,
        "owner": item.owner,
        "dueAt": rfc3339(item.due_at),
    }
    named = f"invoice:{item.invoice_id}" if item.invoice_id else f"customer:{item.customer_id}"
    emit(item.account_id, "escalation.opened", about, named)
    AuditEntry.record(
        by, "escalation.opened", named, item.account_id, work_item_id=item.id, reason=reason
    )
