"""What staff decide about an invoice: send it, cancel it, write it off, add a note.

Sending, cancelling and writing off are idempotent: an invoice already in that state is returned
unchanged.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from actions.invoices.invoices import lock_invoice
from actions.payments.payable import payment_is_under_way
from actions.payments.recompute import recompute
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import MAX_NOTES, Invoice
from models.transactions import transaction
from rules.invoice_fold import CLOSING_MARKS
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.log import get_log

log = get_log("invoices")


def send_invoice(account: Account, invoice_id: str, actor: str) -> Invoice:
    """Send a draft: from now on it can be paid, and becomes overdue after its due date. Raises
    Refused if it is paid or closed.
    """
    with transaction():
        invoice = lock_invoice(account, invoice_id)
        _refuse_paid(invoice)
        _refuse_closed(invoice)
        _decide(invoice, "sent", actor)
    return invoice


def cancel_invoice(
    account: Account, invoice_id: str, actor: str, reason: str | None = None
) -> Invoice:
    """Cancel an invoice: nothing is owed any more, and its links and open intents are retired.
    Raises Refused if it is paid, written off, or a payment is in progress.
    """
    with transaction():
        invoice = lock_invoice(account, invoice_id)
        _close(invoice, "cancelled", actor, reason)
    return invoice


def write_off_invoice(
    account: Account, invoice_id: str, actor: str, reason: str | None = None
) -> Invoice:
    """Write an invoice off: the customer is no longer asked for what is still owed. Raises Refused
    if it is paid, cancelled, a draft, or a payment is in progress.
    """
    with transaction():
        invoice = lock_invoice(account, invoice_id)
        _close(invoice, "written_off", actor, reason)
    return invoice


def add_note(account: Account, invoice_id: str, actor: str, text: str) -> Invoice:
    """Append a dated note; earlier notes stay. Raises Refused if the notes would get too long."""
    with transaction():
        invoice = lock_invoice(account, invoice_id)
        invoice.change(real_now(), notes=_with_note(invoice, text))
        AuditEntry.record(actor, "invoice.noted", f"invoice:{invoice.id}", invoice.account_id)
    return invoice


def note_if_it_fits(invoice: Invoice, text: str, now: datetime) -> None:
    """Append a system note to a locked invoice if there is room. If the notes are full, only log
    it: a note must never stop what is being recorded.
    """
    try:
        invoice.change(now, notes=_with_note(invoice, text))
    except Refused as refused:
        log.warning("no room for a note", invoice_id=invoice.id, reason=refused.detail)


def _with_note(invoice: Invoice, text: str) -> str:
    """Return the invoice's notes with one more line, dated in the account's time zone."""
    here = business_now().astimezone(ZoneInfo(invoice.account.time_zone))
    notes = f"{invoice.notes}\n[{here:%Y-%m-%d %H:%M %Z}] {text}".lstrip("\n")
    if len(notes) > MAX_NOTES:
        raise Refused(
            "invalid",
            f"The notes of invoice {invoice.number} would have {len(notes)} characters; the limit"
            f" is {MAX_NOTES}.",
            [{"field": "text", "message": f"would exceed the {MAX_NOTES:,}-character limit"}],
        )
    return notes


def _close(invoice: Invoice, mark: str, actor: str, reason: str | None) -> None:
    _refuse_paid(invoice)
    if invoice.mark != mark:
        _refuse_closed(invoice)
    if mark == "written_off" and invoice.mark == "draft":
        raise Refused(
            "conflict",
            f"Invoice {invoice.number} is a draft: it was never sent; cancel it instead.",
        )
    if invoice.mark != mark and payment_is_under_way(invoice):
        raise Refused(
            "payment_in_progress",
            f"A payment of invoice {invoice.number} is on its way; try again once it has arrived or"
            " failed.",
        )
    _decide(invoice, mark, actor, reason)


def _refuse_paid(invoice: Invoice) -> None:
    if invoice.status == "paid":
        raise Refused(
            "invoice_already_paid", f"Invoice {invoice.number} is paid; issue a refund instead."
        )


def _refuse_closed(invoice: Invoice) -> None:
    if invoice.mark in CLOSING_MARKS:
        raise Refused(
            "invoice_closed",
            f"Invoice {invoice.number} is {invoice.mark.replace('_', ' ')}; this cannot be undone.",
        )


def _decide(invoice: Invoice, mark: str, actor: str, reason: str | None = None) -> None:
    """Record a decision about the locked invoice, recompute its status, and audit it. Does nothing
    if that was already decided.
    """
    if invoice.mark == mark:
        return
    before = invoice.status
    values = {"mark": mark}
    if reason:
        values["notes"] = _with_note(invoice, reason)
    invoice.change(real_now(), **values)
    recompute(invoice)
    AuditEntry.record(
        actor,
        f"invoice.{mark}",
        f"invoice:{invoice.id}",
        invoice.account_id,
        before=before,
        after=invoice.status,
    )
