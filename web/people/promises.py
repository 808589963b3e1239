"""Promises to pay an invoice."""

from typing import Any

import falcon

from actions.contact.promise import record_promise
from actions.invoices.invoices import find_invoice, lock_invoice
from models.contact.promise import Promise
from web.http.body import Body, check
from web.http.fields import Amount, Day
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.lists import page
from web.openapi.openapi import PageQuery, documented
from web.people.responses import PromiseList, PromiseShown


class NewPromise(Body):
    """What the customer promised: an amount, or the whole balance, by a day of the next sixty."""

    amount: Amount | None = None
    promised_for: Day


class InvoicePromises:
    """`/api/invoices/{invoice_id}/promises`"""

    @documented(
        "Work items",
        {201: PromiseShown},
        body=NewPromise,
        problems=("invoice_already_paid", "invoice_not_payable", "amount_exceeds_balance"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, invoice_id: str
    ) -> None:
        """Record a promise: nobody asks for money until its day and a day of grace are over.

        It replaces the open promise; repeating the same promise changes nothing.
        """
        caller, wanted = caller_of(req), check(NewPromise, document)
        invoice = lock_invoice(caller.own, invoice_id)
        promise = record_promise(invoice, wanted.amount, wanted.promised_for, by=caller.actor)
        resp.status = falcon.HTTP_201
        resp.media = PromiseShown.show(promise)
        resp.set_header("Location", f"/api/invoices/{invoice.id}/promises")

    @documented("Work items", {200: PromiseList}, query=PageQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response, invoice_id: str) -> None:
        """The promises about the invoice, newest first."""
        invoice = find_invoice(caller_of(req).own, invoice_id)
        rows = Promise.select().where(Promise.invoice == invoice.id)
        resp.media = page(req, rows, PromiseShown.show, rows)
