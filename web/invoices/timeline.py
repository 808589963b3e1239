"""An invoice's timeline, for the clinic and its software."""

from datetime import datetime
from typing import Any, Literal, Self

import falcon
from pydantic import Field

from actions.invoices.invoices import find_invoice
from effects.timeline import effects
from models.reports.timeline import timeline_of
from models.reports.timeline_sources import SOURCES
from web.http.auth import caller_of
from web.http.lists import page_of
from web.openapi.openapi import PageQuery, Shown, documented


class TimelineEntry(Shown):
    """One entry: what happened or was decided, when, and why. `status` is the current one."""

    id: str
    at: datetime
    kind: Literal["fact", "event", "decision", "effect", "job", "audit", "notice"]
    type: str
    reason: str = Field(description="A sentence for people.")
    status: str | None
    by: str | None
    amount: int | None
    currency: str | None

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about an entry; a text it does not have is null."""
        named = {"status": row.status, "by": row.by, "currency": row.currency}
        return super().of(row, **{name: text or None for name, text in named.items()}, **given)


class Timeline(Shown):
    """A page of the timeline, oldest first."""

    data: list[TimelineEntry]
    has_more: bool


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
