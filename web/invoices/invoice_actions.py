"""Decisions about an invoice: send it, cancel it, write it off, add a note.

The first three can be repeated safely: an invoice already in that state is returned unchanged.
"""

from typing import Annotated, Any

import falcon
from pydantic import Field

from actions.invoices.decide import add_note, cancel_invoice, send_invoice, write_off_invoice
from web.http.body import Body, check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.invoices.responses import InvoiceShown
from web.openapi.openapi import documented

Text = Annotated[str, Field(min_length=1, max_length=2000)]
CLOSING_PROBLEMS = ("invoice_already_paid", "invoice_closed", "payment_in_progress")


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
        """Send a draft: from now on it can be paid, and it is overdue after its due date."""
        check(NoChoice, document)
        caller = caller_of(req)
        resp.media = InvoiceShown.show(send_invoice(caller.own, invoice_id, caller.actor))


class CancelInvoice:
    """`/api/invoices/{invoice_id}/cancel`"""

    @documented("Invoices", {200: InvoiceShown}, body=Reason, problems=CLOSING_PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Cancel the invoice: nothing is owed, links and open intents are closed.

        A partial payment is shown as overpaid, to be refunded.
        """
        caller, why = caller_of(req), check(Reason, document).reason
        resp.media = InvoiceShown.show(cancel_invoice(caller.own, invoice_id, caller.actor, why))


class WriteOffInvoice:
    """`/api/invoices/{invoice_id}/write-off`"""

    @documented("Invoices", {200: InvoiceShown}, body=Reason, problems=CLOSING_PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Write off what is still owed: nobody is asked for it again.

        Only a sent invoice can be written off; cancel a draft instead.
        """
        caller, why = caller_of(req), check(Reason, document).reason
        resp.media = InvoiceShown.show(write_off_invoice(caller.own, invoice_id, caller.actor, why))


class InvoiceNotes:
    """`/api/invoices/{invoice_id}/notes`"""

    @documented("Invoices", {201: InvoiceShown}, body=Note)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Append a dated note; earlier notes stay."""
        caller, note = caller_of(req), check(Note, document)
        resp.status = falcon.HTTP_201
        resp.media = InvoiceShown.show(add_note(caller.own, invoice_id, caller.actor, note.text))
