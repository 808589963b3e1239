"""`upsert`: payments taken elsewhere, by cash, check or bank transfer, or a Stripe intent to be read."""

from datetime import datetime
from typing import Any, Literal

import falcon

from delivery.standing import stand_anew
from models.audit_entry import AuditEntry
from models.base import transaction
from models.invoice import Invoice
from models.payment import Payment
from models.standing import lock_invoice
from runtime.clock import real_now
from web.answers import Recorded
from web.auth import caller_of
from web.body import Body, check
from web.fields import Amount, Currency, Name
from web.idempotency import idempotent
from web.invoices import find_invoice
from web.later import Later, nothing_to_perform
from web.openapi import documented
from web.payment_outcome import look
from web.problems import Problem
from web.shapes import show_invoice, show_payment


class TakenPayment(Body):
    """Money that came in. The same reference is one payment; for `stripe` it is the intent's id."""

    invoice_id: str
    amount: Amount
    currency: Currency
    method: Literal["cash", "check", "bank_transfer", "stripe"]
    reference: Name
    received_at: datetime | None = None


class UpsertPayment:
    """`/api/payments/upsert`"""

    @documented("Payments", {200: Recorded, 201: Recorded}, body=TakenPayment, problems=("currency_mismatch", "payment_conflict", "provider_unavailable"))
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later | None:
        """Record the payment once; 409 when the reference stands for another amount."""
        caller, taken = caller_of(req), check(TakenPayment, document)
        shown = find_invoice(caller.own, taken.invoice_id)
        if taken.method == "stripe":
            return Later(f"{shown.id}:{taken.reference}", nothing_to_perform)
        with transaction():
            invoice = lock_invoice(taken.invoice_id)
            if taken.currency != invoice.currency:
                raise Problem("currency_mismatch", f"Invoice {invoice.number} is in {invoice.currency}, the payment in {taken.currency}.")
            known = Payment.get_or_none((Payment.invoice == invoice) & (Payment.method == taken.method) & (Payment.reference == taken.reference))
            if known is not None and known.amount_received != taken.amount:
                detail = f"{taken.method} {taken.reference} is recorded with {known.amount_received} {known.currency} (minor units), not {taken.amount}."
                raise Problem("payment_conflict", detail)
            about = {"invoice_id": invoice.id, "amount": taken.amount, "currency": taken.currency, "method": taken.method}
            AuditEntry.record(f"key:{caller.key_id}", "payment.repeated" if known else "payment.taken", f"invoice:{invoice.id}", invoice.account_id, **about)
            payment = known or Payment.record_taken(invoice, taken.method, taken.reference, taken.amount, taken.received_at or real_now())
            stand_anew(invoice)
        resp.status = falcon.HTTP_200 if known else falcon.HTTP_201
        resp.media = {"payment": show_payment(payment), "invoice": show_invoice(Invoice.get_by_id(invoice.id))}
        return None

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """A Stripe payment as it is read now; a repeated request reads it again."""
        invoice_id, intent_id = reference.split(":", 1)
        payment, _ = look(invoice_id, intent_id, f"key:{caller_of(req).key_id}")
        resp.media = {"payment": show_payment(payment), "invoice": show_invoice(Invoice.get_by_id(invoice_id))}
