"""Invoices of an account."""

from datetime import datetime
from typing import Any, Literal, get_args

import falcon
from pydantic import Field

from actions.payments.recompute import recompute
from models.accounts.account import Account
from models.base import transaction
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.payments.has_money import with_money
from rules.invoice_fold import CLOSING_MARKS
from runtime.clock import real_now
from runtime.ids import new_id
from web.http.auth import caller_of
from web.http.body import Body, check, read_json
from web.http.fields import Amount, Currency, Day, Id, Name, Notes, Words
from web.http.idempotency import idempotent
from web.http.lists import choices_of, filter_of, moment_of, page
from web.http.problems import Problem
from web.invoices.answers import InvoiceList, InvoiceShown, InvoiceStatus
from web.invoices.customers import find_customer
from web.invoices.shapes import show_invoice
from web.openapi.openapi import PageQuery, documented


class NewInvoice(Body):
    """A new invoice."""

    customer_id: Id
    number: Name
    project: Words | None = None
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
    amount_due: Amount | None = None
    due_date: Day | None = None
    status: Literal["draft", "sent"] | None = None
    notes: Notes | None = None


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status: list[InvoiceStatus] | None = None
    customer_id: str | None = Field(default=None, alias="customerId")
    updated_since: datetime | None = Field(default=None, alias="updatedSince")


def find_invoice(account: Account, invoice_id: str) -> Invoice:
    """The account's own invoice with its customer. Raises Problem 404."""
    own = (Invoice.id == invoice_id) & (Invoice.account == account)
    invoice = Invoice.select(Invoice, Customer).join(Customer).where(own).get_or_none()
    if invoice is None:
        raise Problem("not_found", f"There is no invoice {invoice_id[:40]}.")
    return invoice


class Invoices:
    """`/api/invoices`"""

    @documented("Invoices", {201: InvoiceShown}, body=NewInvoice, problems=("already_exists",))
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Create an invoice; the same number twice is 409."""
        account, wanted, now = caller_of(req).own, check(NewInvoice, document), real_now()
        customer = find_customer(account, wanted.customer_id)
        if Invoice.get_or_none((Invoice.account == account) & (Invoice.number == wanted.number)):
            raise Problem("already_exists", f"There is an invoice with number {wanted.number}.")
        values = wanted.model_dump(exclude={"customer_id", "status"})
        values |= {
            "mark": wanted.status,
            "outstanding": wanted.amount_due,
            "created_at": now,
            "updated_at": now,
        }
        invoice = Invoice.create(id=new_id("inv"), account=account, customer=customer, **values)
        recompute(invoice)
        resp.status = falcon.HTTP_201
        resp.media = show_invoice(invoice)
        resp.set_header("Location", f"/api/invoices/{invoice.id}")

    @documented("Invoices", {200: InvoiceList}, query=InvoiceQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's invoices, newest first; filter by `status`, `customerId` and
        `updatedSince`.
        """
        query = every = (
            Invoice.select(Invoice, Customer)
            .join(Customer)
            .where(Invoice.account == caller_of(req).own)
        )
        if statuses := choices_of(req, "status", get_args(InvoiceStatus)):
            query = query.where(Invoice.status.in_(statuses))
        if customer_id := filter_of(req, "customerId"):
            query = query.where(Invoice.customer == customer_id)
        since = moment_of(req, "updatedSince")
        if since:
            query = query.where(Invoice.updated_at >= since)
        resp.media = page(req, query, show_invoice, every)


class OneInvoice:
    """`/api/invoices/{invoice_id}`"""

    @documented("Invoices", {200: InvoiceShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """One invoice."""
        resp.media = show_invoice(find_invoice(caller_of(req).own, invoice_id))

    @documented(
        "Invoices", {200: InvoiceShown}, body=InvoiceChange, problems=("invoice_has_payments",)
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """Change the fields in the body. A new amount retires links and open intents for the old
        one.
        """
        account, wanted = caller_of(req).own, check(InvoiceChange, read_json(req))
        find_invoice(account, invoice_id)
        values = wanted.model_dump(include=wanted.model_fields_set)
        values = {
            ("mark" if name == "status" else name): value
            for name, value in values.items()
            if value is not None or name == "project"
        }
        with transaction():
            invoice = Invoice.locked(invoice_id)
            _check_change(invoice, values)
            now = real_now()
            if values:
                invoice.change(now, **values)
            recompute(invoice)
        resp.media = show_invoice(find_invoice(account, invoice_id))


def _check_change(invoice: Invoice, values: dict[str, Any]) -> None:
    if invoice.mark in CLOSING_MARKS and values.keys() - {"notes", "project"}:
        raise Problem(
            "conflict",
            f"Invoice {invoice.number} is {invoice.mark}; only its notes and project may change.",
        )
    if values.get("amount_due", invoice.amount_due) != invoice.amount_due and with_money(
        [invoice.id]
    ):
        raise Problem(
            "invoice_has_payments",
            f"Invoice {invoice.number} has a payment received or in progress; its amount can no"
            " longer change.",
        )
