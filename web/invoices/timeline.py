"""An invoice's timeline, for the clinic and its software."""

from datetime import datetime
from typing import Any, Literal

import falcon
from pydantic import Field

from effects.timeline import effects
from models.reports.timeline import Entry, timeline_of
from models.reports.timeline_sources import SOURCES
from runtime.clock import rfc3339
from web.http.auth import caller_of
from web.http.lists import page_of
from web.invoices.invoices import find_invoice
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
            req, timeline_of(invoice, (*SOURCES, effects)), _show, lambda entry: entry.id
        )


def _show(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": rfc3339(entry.at),
        "kind": entry.kind,
        "type": entry.type,
        "reason": entry.reason,
        "status": entry.status or None,
        "by": entry.by or None,
        "amount": entry.amount,
        "currency": entry.currency or None,
    }
