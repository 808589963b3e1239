"""Voiding a payment that was recorded by hand."""

from typing import Annotated, Any

import falcon
from pydantic import Field

from actions.payments.returns.void_payment import void_payment
from models.invoices.invoice import Invoice
from web.http.body import Body, check
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.invoices.responses import InvoiceShown
from web.openapi.openapi import documented
from web.payments.payments import find_payment
from web.payments.responses import PaymentShown, Recorded


class VoidOrder(Body):
    """The reason, such as a typing error or a bounced check. Stored with the payment and shown in
    the timeline.
    """

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class VoidPayment:
    """`/api/payments/{payment_id}/void`"""

    @documented("Payments", {200: Recorded}, body=VoidOrder, problems=("payment_not_voidable",))
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, payment_id: str
    ) -> None:
        """Void a payment by cash, check or bank transfer.

        It no longer counts, and the balance is owed again. This is final: its reference cannot be
        used again. Repeating the request changes nothing.
        """
        caller, order = caller_of(req), check(VoidOrder, document)
        payment = find_payment(caller.own, payment_id)
        if payment.method == "stripe":
            raise Problem(
                "payment_not_voidable",
                f"Payment {payment.id} was taken by card: refund it with POST"
                f" /api/payments/{payment.id}/refunds.",
            )
        payment = void_payment(payment.id, order.reason, caller.actor)
        resp.media = {
            "payment": PaymentShown.of(payment).document(),
            "invoice": InvoiceShown.show(Invoice.get_by_id(payment.invoice_id)),
        }
