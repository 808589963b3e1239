"""The texts of an invoice."""

import falcon

from actions.invoices.invoices import find_invoice
from models.contact.message import Message
from web.contact.responses import MessageList, MessageShown
from web.http.guards.auth import caller_of
from web.http.lists import page
from web.openapi.openapi import PageQuery, documented


class InvoiceMessages:
    """`/api/invoices/{invoice_id}/messages`"""

    @documented("Contact", {200: MessageList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """The invoice's texts, oldest first, with advice for those that did not arrive."""
        invoice = find_invoice(caller_of(req).own, invoice_id)
        rows = Message.select().where(Message.invoice == invoice.id)
        resp.media = page(req, rows, MessageShown.show, rows, oldest_first=True)
