"""Invoices of an account."""

from datetime import datetime
from typing import Any, Literal, get_args

import falcon
from pydantic import Field

from actions.invoices.invoices import change_invoice, create_invoice, find_invoice
from models.invoices.invoice import Invoice
from models.reports.invoice_list import InvoiceFilter, list_invoices
from web.http.body import Body, check, read_json
from web.http.fields import Amount, Currency, Day, ExternalId, Id, Name, Notes, Words
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import after_of, choices_of, cut, filter_of, limit_of, moment_of
from web.invoices.responses import InvoiceList, InvoiceShown, InvoiceStatus
from web.openapi.openapi import PageQuery, documented


class NewInvoice(Body):
    """A new invoice."""

    customer_id: Id
    number: Name
    project: Words | None = None
    external_id: ExternalId | None = None
    amount_due: Amount
    currency: Currency
    due_date: Day
    status: Literal["draft", "sent"] = "sent"
    notes: Notes = ""


class InvoiceChange(Body):
    """The fields that may change; omitted ones stay. The amount may not change once a payment is
    received or in progress.
    """

    project: Words | None = None
    external_id: ExternalId | None = None
    amount_due: Amount | None = None
    due_date: Day | None = None
    status: Literal["draft", "sent"] | None = None
    notes: Notes | None = None


class InvoiceQuery(PageQuery):
    """The filters of the list."""

    status: list[InvoiceStatus] | None = None
    number: str | None = None
    external_id: str | None = Field(default=None, alias="externalId")
    customer_id: str | None = Field(default=None, alias="customerId")
    updated_since: datetime | None = Field(default=None, alias="updatedSince")


class Invoices:
    """`/api/invoices`"""

    @documented("Invoices", {201: InvoiceShown}, body=NewInvoice, problems=("already_exists",))
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Create an invoice; the same `number` or `externalId` twice is 409."""
        wanted = check(NewInvoice, document)
        values = wanted.model_dump(exclude={"customer_id", "status"}) | {"mark": wanted.status}
        invoice = create_invoice(caller_of(req).own, wanted.customer_id, values)
        resp.status = falcon.HTTP_201
        resp.media = InvoiceShown.show(invoice)
        resp.set_header("Location", f"/api/invoices/{invoice.id}")

    @documented("Invoices", {200: InvoiceList}, query=InvoiceQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's invoices, newest first; filter by `status`, `customerId` and
        `updatedSince`, or find one by `number` or `externalId`.
        """
        account, limit = caller_of(req).own, limit_of(req)
        last = after_of(req, Invoice.select().where(Invoice.account == account))
        wanted = InvoiceFilter(
            statuses=tuple(dict.fromkeys(choices_of(req, "status", get_args(InvoiceStatus)))),
            number=filter_of(req, "number"),
            external_id=filter_of(req, "externalId"),
            customer_id=filter_of(req, "customerId"),
            since=moment_of(req, "updatedSince"),
            below=last.id if last is not None else None,
        )
        resp.media = cut(list_invoices(account, wanted, limit + 1), limit, InvoiceShown.show)


class OneInvoice:
    """`/api/invoices/{invoice_id}`"""

    @documented("Invoices", {200: InvoiceShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """One invoice."""
        resp.media = InvoiceShown.show(find_invoice(caller_of(req).own, invoice_id))

    @documented(
        "Invoices",
        {200: InvoiceShown},
        body=InvoiceChange,
        problems=("invoice_has_payments", "already_exists"),
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """Change the fields in the body.

        A new amount retires links and open intents for the old one.
        """
        caller, wanted = caller_of(req), check(InvoiceChange, read_json(req))
        values = {
            ("mark" if name == "status" else name): value
            for name, value in wanted.model_dump(include=wanted.model_fields_set).items()
            if value is not None or name in {"project", "external_id"}
        }
        invoice = change_invoice(caller.own, invoice_id, values, caller.actor)
        resp.media = InvoiceShown.show(invoice)
