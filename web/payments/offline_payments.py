"""`upsert`: record payments taken by cash, check or bank transfer, or read a Stripe payment."""

from typing import Any, Literal

import falcon

from actions.invoices.invoices import find_invoice
from actions.payments.read_intent import read_intent
from actions.payments.record_offline_payment import OfflinePayment, record_offline_payment
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.fields import Amount, Currency, DayOrMoment, Id, Name
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.invoices.responses import InvoiceShown
from web.openapi.openapi import documented
from web.payments.responses import PaymentShown, Recorded


class TakenPayment(Body):
    """A payment received. A reference stands for one payment, however often it is sent; for
    `stripe` it is the intent's id.

    `receivedAt` may be a date, or a time without offset: both are read in the account's time zone.
    """

    invoice_id: Id
    amount: Amount
    currency: Currency
    method: Literal["cash", "check", "bank_transfer", "stripe"]
    reference: Name
    received_at: DayOrMoment | None = None


PROBLEMS = ("currency_mismatch", "payment_conflict", "payment_voided", "provider_unavailable")


class UpsertPayment:
    """`/api/payments/upsert`"""

    @documented("Payments", {200: Recorded, 201: Recorded}, body=TakenPayment, problems=PROBLEMS)
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any
    ) -> DeferredAnswer | None:
        """Record the payment once.

        201 when new, 200 when already recorded, 409 when it was recorded with another amount or
        voided. A Stripe payment is read from Stripe, whose record is authoritative; 409 if its
        amount or currency differs from the body.
        """
        caller, taken = caller_of(req), check(TakenPayment, document)
        shown = find_invoice(caller.own, taken.invoice_id)
        if taken.method == "stripe":
            status = 200 if _at_stripe(shown, taken.reference) else 201
            return DeferredAnswer(
                f"{shown.id}:{taken.reference}:{taken.amount}:{taken.currency}:{status}",
                nothing_to_perform,
            )
        payment, is_new = record_offline_payment(
            shown.id, OfflinePayment(**taken.model_dump(exclude={"invoice_id"})), caller.actor
        )
        resp.status = falcon.HTTP_201 if is_new else falcon.HTTP_200
        resp.media = {
            "payment": PaymentShown.of(payment).document(),
            "invoice": InvoiceShown.show(Invoice.get_by_id(shown.id)),
        }
        return None

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Read the payment from Stripe; a repeated request reads it again."""
        invoice_id, rest = reference.split(":", 1)
        intent_id, amount, currency, status = rest.rsplit(":", 3)
        payment, _ = read_intent(invoice_id, intent_id, caller_of(req).actor)
        received = payment.amount_received if payment.status == "succeeded" else payment.amount
        if (received, payment.currency) != (int(amount), currency):
            raise Problem(
                "payment_conflict",
                f"{intent_id} is {received} {payment.currency} (minor units) at Stripe, not"
                f" {amount} {currency}.",
            )
        resp.status = falcon.code_to_http_status(int(status))
        resp.media = {
            "payment": PaymentShown.of(payment).document(),
            "invoice": InvoiceShown.show(Invoice.get_by_id(invoice_id)),
        }


def _at_stripe(invoice: Invoice, intent_id: str) -> Payment | None:
    """The invoice's payment of this intent, whichever Stripe account took it: the clinic's account
    may have changed since.
    """
    return Payment.get_or_none((Payment.invoice == invoice.id) & (Payment.intent_id == intent_id))
