"""`upsert`: record payments taken by cash, check or bank transfer, or read a Stripe payment."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import falcon

from actions.invoices.invoices import find_invoice
from actions.payments.record_intent import stand_anew
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from runtime.clock import OLDEST, business_now, real_now
from web.http.auth import caller_of
from web.http.body import Body, check
from web.http.fields import Amount, Currency, Id, Name
from web.http.idempotency import idempotent
from web.http.later import Later, nothing_to_perform
from web.http.problems import Problem
from web.invoices.answers import InvoiceShown, Recorded
from web.invoices.shapes import show_payment
from web.openapi.openapi import documented
from web.payments.payment_outcome import look


class TakenPayment(Body):
    """A payment received. The same reference is one payment; for `stripe` it is the intent's id.

    `receivedAt` may be a date, or a time without offset: both are read in the account's time zone.
    """

    invoice_id: Id
    amount: Amount
    currency: Currency
    method: Literal["cash", "check", "bank_transfer", "stripe"]
    reference: Name
    received_at: datetime | date | None = None


PROBLEMS = ("currency_mismatch", "payment_conflict", "payment_voided", "provider_unavailable")
AHEAD = timedelta(days=1)  # clocks and calendars of people may be ahead of ours


def received_at(said: datetime | date | None, account: Account) -> datetime:
    """When money came in, in UTC; now, if nothing is said. Raises Problem 422 for a time that
    cannot be meant.
    """
    if said is None:
        return real_now()
    if not OLDEST <= said.year <= business_now().year + 1:
        raise _mistyped(f"is in the year {said.year}")
    at = said if isinstance(said, datetime) else datetime.combine(said, time.min)
    at = (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(account.time_zone))).astimezone(UTC)
    if at > business_now() + AHEAD:
        raise _mistyped(f"is in the future, at {at:%Y-%m-%d %H:%M} UTC")
    return at


def _mistyped(what: str) -> Problem:
    return Problem(
        "invalid",
        f"receivedAt {what}; say when the money came in.",
        [{"field": "receivedAt", "message": what}],
    )


class UpsertPayment:
    """`/api/payments/upsert`"""

    @documented("Payments", {200: Recorded, 201: Recorded}, body=TakenPayment, problems=PROBLEMS)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later | None:
        """Record the payment once: 201 when new, 200 when already recorded, 409 when it was
        recorded with another amount or voided.

        A Stripe payment is read at Stripe, whose record counts; 409 when its amount or currency
        differ from the body.
        """
        caller, taken = caller_of(req), check(TakenPayment, document)
        shown = find_invoice(caller.own, taken.invoice_id)
        if taken.method == "stripe":
            status = 200 if _at_stripe(shown, taken.reference) else 201
            return Later(
                f"{shown.id}:{taken.reference}:{taken.amount}:{taken.currency}:{status}",
                nothing_to_perform,
            )
        when = received_at(taken.received_at, caller.own)
        with transaction():
            invoice = Invoice.locked(taken.invoice_id)
            if taken.currency != invoice.currency:
                raise Problem(
                    "currency_mismatch",
                    f"Invoice {invoice.number} is in {invoice.currency}, the payment in"
                    f" {taken.currency}.",
                )
            known = Payment.get_or_none(
                (Payment.invoice == invoice)
                & (Payment.method == taken.method)
                & (Payment.reference == taken.reference)
            )
            if known is not None and known.voided_at is not None:
                raise Problem(
                    "payment_voided",
                    f"{taken.method} {taken.reference} was voided. If the money did arrive, record"
                    " it under another reference.",
                )
            if known is not None and known.amount_received != taken.amount:
                detail = (
                    f"{taken.method} {taken.reference} is recorded with {known.amount_received}"
                    f" {known.currency} (minor units), not {taken.amount}."
                )
                raise Problem("payment_conflict", detail)
            about = {
                "invoice_id": invoice.id,
                "amount": taken.amount,
                "currency": taken.currency,
                "method": taken.method,
            }
            AuditEntry.record(
                caller.actor,
                "payment.repeated" if known else "payment.taken",
                f"invoice:{invoice.id}",
                invoice.account_id,
                **about,
            )
            payment = known or Payment.record_taken(
                invoice, taken.method, taken.reference, taken.amount, when
            )
            stand_anew(invoice)
        resp.status = falcon.HTTP_200 if known else falcon.HTTP_201
        resp.media = {
            "payment": show_payment(payment),
            "invoice": InvoiceShown.show(Invoice.get_by_id(invoice.id)),
        }
        return None

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """A Stripe payment as it is read now; a repeated request reads it again."""
        invoice_id, rest = reference.split(":", 1)
        intent_id, amount, currency, status = rest.rsplit(":", 3)
        payment, _ = look(invoice_id, intent_id, caller_of(req).actor)
        there = payment.amount_received if payment.status == "succeeded" else payment.amount
        if (there, payment.currency) != (int(amount), currency):
            raise Problem(
                "payment_conflict",
                f"{intent_id} is {there} {payment.currency} (minor units) at Stripe, not {amount}"
                f" {currency}.",
            )
        resp.status = falcon.code_to_http_status(int(status))
        resp.media = {
            "payment": show_payment(payment),
            "invoice": InvoiceShown.show(Invoice.get_by_id(invoice_id)),
        }


def _at_stripe(invoice: Invoice, intent_id: str) -> Payment | None:
    """The invoice's payment of this intent, whichever Stripe account took it: the clinic's may be
    another one by now.
    """
    return Payment.get_or_none((Payment.invoice == invoice.id) & (Payment.intent_id == intent_id))
