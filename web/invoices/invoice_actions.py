"""What people decide about an invoice: send it, cancel it, write it off, add a note.

Each may be repeated safely: an invoice already in that state is returned unchanged.
"""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import falcon
from pydantic import Field

from actions.payments.recompute import recompute
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from rules.invoice_fold import CLOSING_MARKS
from runtime.clock import business_now, real_now
from web.http.auth import Caller, caller_of
from web.http.body import Body, check
from web.http.fields import MAX_NOTES
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.invoices.answers import InvoiceShown
from web.invoices.invoices import find_invoice
from web.invoices.shapes import show_invoice
from web.openapi.openapi import documented

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class NoChoice(Body):
    """Empty body."""


class Reason(Body):
    """The reason, appended to the notes."""

    reason: Text | None = None


class Note(Body):
    """A note."""

    text: Text


class SendInvoice:
    """`/api/invoices/{invoice_id}/send`"""

    @documented(
        "Invoices",
        {200: InvoiceShown},
        body=NoChoice,
        problems=("invoice_already_paid", "invoice_closed"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """A draft is sent: from now on it can be paid, and falls overdue after its due date."""
        check(NoChoice, document)
        invoice = _locked(req, invoice_id)
        _refuse_paid(invoice)
        _refuse_closed(invoice)
        _decide(caller_of(req), invoice, "sent")
        resp.media = show_invoice(find_invoice(caller_of(req).own, invoice_id))


class CancelInvoice:
    """`/api/invoices/{invoice_id}/cancel`"""

    @documented(
        "Invoices",
        {200: InvoiceShown},
        body=Reason,
        problems=("invoice_already_paid", "invoice_closed", "payment_in_progress"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Cancel the invoice: nothing is owed, links and open intents are closed. A partial payment
        is shown as overpaid, to be refunded.
        """
        _close(req, invoice_id, "cancelled", check(Reason, document).reason)
        resp.media = show_invoice(find_invoice(caller_of(req).own, invoice_id))


class WriteOffInvoice:
    """`/api/invoices/{invoice_id}/write-off`"""

    @documented(
        "Invoices",
        {200: InvoiceShown},
        body=Reason,
        problems=("invoice_already_paid", "invoice_closed", "payment_in_progress"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Write off what is still owed: nobody is asked for it again. Only a sent invoice can be
        written off; cancel a draft instead.
        """
        _close(req, invoice_id, "written_off", check(Reason, document).reason)
        resp.media = show_invoice(find_invoice(caller_of(req).own, invoice_id))


class InvoiceNotes:
    """`/api/invoices/{invoice_id}/notes`"""

    @documented("Invoices", {201: InvoiceShown}, body=Note)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Append a dated note; earlier notes stay."""
        note, invoice = check(Note, document), _locked(req, invoice_id)
        invoice.change(real_now(), notes=with_note(invoice, note.text, business_now()))
        AuditEntry.record(
            caller_of(req).actor, "invoice.noted", f"invoice:{invoice.id}", invoice.account_id
        )
        resp.status = falcon.HTTP_201
        resp.media = show_invoice(find_invoice(caller_of(req).own, invoice_id))


def with_note(invoice: Invoice, text: str, now: datetime) -> str:
    """The invoice's notes and one more line, dated in the account's time zone. Raises Problem 422
    when they get too long.
    """
    stamp = now.astimezone(ZoneInfo(invoice.account.time_zone)).strftime("%Y-%m-%d %H:%M %Z")
    notes = f"{invoice.notes}\n[{stamp}] {text}".lstrip("\n")
    if len(notes) > MAX_NOTES:
        detail = (
            f"The notes of invoice {invoice.number} would have {len(notes)} characters; the limit"
            f" is {MAX_NOTES}."
        )
        raise Problem(
            "invalid",
            detail,
            [{"field": "text", "message": f"would exceed the {MAX_NOTES:,}-character limit"}],
        )
    return notes


def _locked(req: falcon.Request, invoice_id: str) -> Invoice:
    find_invoice(caller_of(req).own, invoice_id)
    return Invoice.locked(invoice_id)


def _close(req: falcon.Request, invoice_id: str, mark: str, reason: str | None) -> None:
    invoice = _locked(req, invoice_id)
    _refuse_paid(invoice)
    if invoice.mark != mark:
        _refuse_closed(invoice)
    if mark == "written_off" and invoice.mark == "draft":
        raise Problem(
            "conflict",
            f"Invoice {invoice.number} is a draft: it was never sent; cancel it instead.",
        )
    attempt = PaymentAttempt.live(invoice)
    if attempt is not None and PaymentConfirmation.running(attempt):
        raise Problem(
            "payment_in_progress",
            f"Invoice {invoice.number} is being paid right now; try again in a moment.",
        )
    _decide(caller_of(req), invoice, mark, reason)


def _refuse_paid(invoice: Invoice) -> None:
    if invoice.status == "paid":
        raise Problem(
            "invoice_already_paid", f"Invoice {invoice.number} is paid; issue a refund instead."
        )


def _refuse_closed(invoice: Invoice) -> None:
    if invoice.mark in CLOSING_MARKS:
        raise Problem(
            "invoice_closed",
            f"Invoice {invoice.number} is {invoice.mark.replace('_', ' ')}; this cannot be undone.",
        )


def _decide(caller: Caller, invoice: Invoice, mark: str, reason: str | None = None) -> None:
    """Record a person's decision about the locked invoice, recompute its status, and audit it; does
    nothing when already decided so.
    """
    if invoice.mark == mark:
        return
    before, values = invoice.status, {"mark": mark}
    if reason:
        values["notes"] = with_note(invoice, reason, business_now())
    invoice.change(real_now(), **values)
    recompute(invoice)
    AuditEntry.record(
        caller.actor,
        f"invoice.{mark}",
        f"invoice:{invoice.id}",
        invoice.account_id,
        before=before,
        after=invoice.status,
    )
