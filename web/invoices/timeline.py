"""An invoice's timeline, for the clinic and its software."""

import falcon

from actions.invoices.invoices import find_invoice
from effects.timeline import effects
from models.reports.timeline import timeline_of
from models.reports.timeline_sources import SOURCES
from web.http.answers import Timeline, TimelineEntry
from web.http.guards.auth import caller_of
from web.http.lists import page_of
from web.openapi.openapi import PageQuery, documented


class InvoiceTimeline:
    """`/api/invoices/{invoice_id}/timeline`"""

    @documented("Invoices", {200: Timeline}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """Everything received, decided and sent about an invoice, in order, with the reasons."""
        invoice = find_invoice(caller_of(req).own, invoice_id)
        resp.media = page_of(
            req,
            timeline_of(invoice, (*SOURCES, effects)),
            TimelineEntry.show,
            lambda entry: entry.id,
        )
