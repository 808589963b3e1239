"""Payments of an account's invoices, and refunds."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import falcon
from pydantic import Field

from actions.payments.returns.request_refund import request_refund
from delivery.perform_now import perform_all, take_due
from models.accounts.account import Account
from models.calling.keypad_session import KeypadSession
from models.payments.dispute import disputes_of
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.refund import refunds_of
from models.payments.refund_request import RefundRequest, refundable
from web.http.body import Body, check
from web.http.fields import Amount
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent, key_required
from web.http.lists import filter_of, page
from web.http.problems import Problem
from web.openapi.openapi import PageQuery, documented
from web.payments.attempt_progress import NO_PROBLEM, attempt_shown, entry_shown
from web.payments.responses import (
    DisputeShown,
    PaymentList,
    PaymentShown,
    PaymentWithRefunds,
    RefundRequestShown,
    RefundShown,
)


class RefundOrder(Body):
    """The amount to refund; by default all that remains. Reasons are Stripe's."""

    amount: Amount | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None


class PaymentQuery(PageQuery):
    """The filters of the list."""

    invoice_id: str | None = Field(default=None, alias="invoiceId")


def find_payment(account: Account, payment_id: str) -> Payment:
    """The account's own payment, by its id or its attempt's. Raises Problem 404."""
    attempt, payment = _find(account, payment_id)
    if payment is None:
        detail = (
            f"{attempt.id} has no payment; GET /api/payments/{attempt.id} shows its progress."
            if attempt
            else ""
        )
        raise Problem("not_found", detail or f"There is no payment {payment_id[:40]}.")
    return payment


def _find(account: Account, payment_id: str) -> tuple[PaymentAttempt | None, Payment | None]:
    """The attempt, if the id is an attempt's or that of a card entry that was charged, and its
    payment, if one is known.
    """
    session = _entry(account, payment_id)
    if session is not None and session.confirmation_id is not None:
        payment_id = PaymentConfirmation.get_by_id(session.confirmation_id).attempt_id
    attempt = PaymentAttempt.get_or_none(
        (PaymentAttempt.id == payment_id) & (PaymentAttempt.account == account)
    )
    if attempt is not None:
        return attempt, Payment.by_intent(attempt.stripe_account, attempt.intent_id or "")
    return None, Payment.get_or_none((Payment.id == payment_id) & (Payment.account == account))


def _entry(account: Account, session_id: str) -> KeypadSession | None:
    return KeypadSession.one("id = ? AND account_id = ?", session_id, account.id)


def _listed(payment: Payment, **given: Any) -> dict[str, Any]:
    return PaymentShown.of(payment, **given).document()


def _calls(payments: Sequence[Payment]) -> dict[str, dict[str, str | None]]:
    calls = PaymentConfirmation.calls_of(payment.intent_id for payment in payments)
    return {payment.id: {"call_id": calls.get(payment.intent_id or "")} for payment in payments}


class Payments:
    """`/api/payments`"""

    @documented("Payments", {200: PaymentList}, query=PaymentQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The account's payments, newest first; filter by `invoiceId`."""
        query = unfiltered = Payment.select().where(Payment.account == caller_of(req).own)
        if invoice_id := filter_of(req, "invoiceId"):
            query = query.where(Payment.invoice == invoice_id)
        resp.media = page(req, query, _listed, unfiltered, beside=_calls)


class OnePayment:
    """`/api/payments/{payment_id}`"""

    @documented("Payments", {200: PaymentWithRefunds})
    def on_get(self, req: falcon.Request, resp: falcon.Response, payment_id: str) -> None:
        """One payment with its refunds at Stripe, its refund requests and its disputes; or the
        progress of one that was answered with 202.
        """
        account = caller_of(req).own
        attempt, payment = _find(account, payment_id)
        entry = _entry(account, payment_id) if attempt is None else None
        if attempt is None and entry is None:
            payment = find_payment(account, payment_id)
        known = [payment] if payment else []
        asked = [
            RefundRequestShown.of(row, currency=each.currency)
            for each in known
            for row in RefundRequest.all("payment_id = ? ORDER BY id", each.id)
        ]
        beside = {
            "refundable": refundable(payment) if payment else 0,
            "refunds": [RefundShown.of(row) for _, row in refunds_of(known)],
            "refund_requests": asked,
            "disputes": [DisputeShown.of(row) for _, row in disputes_of(known)],
        }
        if attempt is not None:
            shown = attempt_shown(attempt, payment, **beside)
        elif entry is not None:
            shown = entry_shown(entry, **beside)
        elif payment is not None:
            shown = PaymentWithRefunds.of(payment, **NO_PROBLEM, **beside)
        resp.media = shown.document()


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
        resp.media = RefundRequestShown.show(request, currency=payment.currency)
        resp.set_header("Location", f"/api/payments/{payment.id}")

    def resume_kept(self, answer: dict[str, Any]) -> Callable[[], None]:
        """Make the refund if no worker has begun to."""
        return partial(perform_all, [take_due("refund_payment", answer["id"])])
