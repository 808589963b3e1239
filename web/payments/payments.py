"""Payments of an account's invoices, and refunds."""

from typing import Any, Literal

import falcon
from pydantic import Field

from actions.payments.request_refund import request_refund
from models.accounts.account import Account
from models.payments.dispute import Dispute, disputes_of
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.refund import Refund, refunds_of
from models.payments.refund_request import RefundRequest, refundable
from runtime.clock import rfc3339
from web.http.auth import caller_of
from web.http.body import Body, check
from web.http.fields import Amount
from web.http.idempotency import idempotent, key_required
from web.http.lists import page
from web.http.problems import Problem
from web.invoices.shapes import show_payment
from web.openapi.openapi import PageQuery, documented
from web.payments.answers import PaymentList, PaymentWithRefunds, RefundRequestShown
from web.payments.attempt_progress import UNTROUBLED, show_attempt


class RefundOrder(Body):
    """The amount to refund; by default all that remains. Reasons are Stripe's."""

    amount: Amount | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None


class PaymentQuery(PageQuery):
    """Which payments."""

    invoice_id: str | None = Field(default=None, alias="invoiceId")


def find_payment(account: Account, payment_id: str) -> Payment:
    """The account's own payment, by its id or by that of the attempt it came of. Raises Problem
    404.
    """
    attempt, payment = _find(account, payment_id)
    if payment is None:
        nothing = (
            f"{attempt.id} has no payment; GET /api/payments/{attempt.id} says what has become"
            " of it."
            if attempt
            else ""
        )
        raise Problem("not_found", nothing or f"There is no payment {payment_id[:40]}.")
    return payment


def _find(account: Account, payment_id: str) -> tuple[PaymentAttempt | None, Payment | None]:
    """The attempt, if the id is that of one, and the payment, if one is known."""
    attempt = PaymentAttempt.get_or_none(
        (PaymentAttempt.id == payment_id) & (PaymentAttempt.account == account)
    )
    if attempt is not None:
        return attempt, Payment.by_intent(attempt.stripe_account, attempt.intent_id or "")
    return None, Payment.get_or_none((Payment.id == payment_id) & (Payment.account == account))


class Payments:
    """`/api/payments`"""

    @documented("Payments", {200: PaymentList}, query=PaymentQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's payments, newest first; filter by `invoiceId`."""
        query = every = Payment.select().where(Payment.account == caller_of(req).own)
        if req.get_param("invoiceId"):
            query = query.where(Payment.invoice == req.get_param("invoiceId"))
        resp.media = page(req, query, show_payment, every)


class OnePayment:
    """`/api/payments/{payment_id}`"""

    @documented("Payments", {200: PaymentWithRefunds})
    def on_get(self, req: falcon.Request, resp: falcon.Response, payment_id: str) -> None:
        """One payment with its refunds at Stripe, its refund requests and its disputes; or the
        state of one that was answered with 202.
        """
        account = caller_of(req).own
        attempt, payment = _find(account, payment_id)
        shown = (
            show_attempt(attempt, payment)
            if attempt
            else show_payment(find_payment(account, payment_id)) | UNTROUBLED
        )
        known = [payment] if payment else []
        asked = (
            RefundRequest.select()
            .where(RefundRequest.payment.in_(known))
            .order_by(RefundRequest.id)
            if known
            else []
        )
        resp.media = shown | {
            "refundable": refundable(payment) if payment else 0,
            "refunds": [_show_refund(row) for _, row in refunds_of(known)],
            "refundRequests": [show_refund_request(row) for row in asked],
            "disputes": [_show_dispute(row) for _, row in disputes_of(known)],
        }


class PaymentRefunds:
    """`/api/payments/{payment_id}/refunds`"""

    @documented(
        "Payments",
        {202: RefundRequestShown},
        body=RefundOrder,
        problems=("payment_not_refundable", "amount_exceeds_payment", "idempotency_key_required"),
    )
    @key_required
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, payment_id: str
    ) -> None:
        """Request a refund of at most what remains of the payment."""
        caller, order = caller_of(req), check(RefundOrder, document)
        payment = find_payment(caller.own, payment_id)
        request = request_refund(payment, order.amount, order.reason, caller.actor)
        resp.status = falcon.HTTP_202
        resp.media = show_refund_request(request)
        resp.set_header("Location", f"/api/payments/{payment.id}")


def _show_refund(row: Refund) -> dict[str, Any]:
    return {
        "id": row.refund_id,
        "amount": row.amount,
        "currency": row.currency,
        "status": row.status,
        "failureReason": row.failure_reason,
    }


def _show_dispute(row: Dispute) -> dict[str, Any]:
    about = {
        "id": row.dispute_id,
        "amount": row.amount,
        "currency": row.currency,
        "reason": row.reason,
        "status": row.status,
    }
    return about | {"dueBy": rfc3339(row.due_by) if row.due_by else None}


def show_refund_request(request: RefundRequest) -> dict[str, Any]:
    """A requested refund."""
    return {
        "id": request.id,
        "payment": request.payment_id,
        "amount": request.amount,
        "status": request.state,
        "reason": request.reason,
        "refund": request.refund_id,
        "error": request.error,
        "createdAt": rfc3339(request.created_at),
    }
