"""`create-payment-intent`: the invoice's one open intent, shared by all ways to pay it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import falcon

from actions.invoices.invoices import find_invoice
from actions.payments.plan_attempt import plan_attempt, stage_intent_jobs
from actions.payments.read_intent import read_intent
from actions.payments.refused_attempts import attempting
from delivery.perform_now import perform_all
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from providers.errors import ProviderError
from providers.stripe.intents import get_intent
from rules.payment_merge import CHANGEABLE
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer
from web.http.fields import Amount, Email, Id
from web.http.guards.auth import caller_of
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.openapi.openapi import documented
from web.payments.billing import BillingDetails, stripe_billing
from web.payments.responses import IntentShown

PAYING_PROBLEMS = (
    "invoice_already_paid",
    "invoice_not_payable",
    "payment_in_progress",
    "provider_unavailable",
)


class NewIntent(Body):
    """The amount to pay (minor units); by default the whole balance."""

    invoice_id: Id
    amount: Amount | None = None
    receipt_email: Email | None = None
    billing_details: BillingDetails | None = None


class CreatePaymentIntent:
    """`/api/payments/create-payment-intent`"""

    @documented(
        "Payments",
        {201: IntentShown},
        body=NewIntent,
        problems=(
            *PAYING_PROBLEMS,
            "amount_exceeds_balance",
            "payment_refused",
            "charges_paused",
            "ceiling_reached",
        ),
    )
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> DeferredAnswer:
        """Create the invoice's payment intent, or return its open one."""
        caller, wanted = caller_of(req), check(NewIntent, document)
        find_invoice(caller.own, wanted.invoice_id)
        invoice = Invoice.locked(wanted.invoice_id)
        email = wanted.receipt_email or (
            wanted.billing_details.email if wanted.billing_details else None
        )
        with attempting(invoice, wanted.amount, caller.actor):
            attempt, jobs = plan_attempt(invoice, wanted.amount, email, caller.actor)
        location = f"/api/payments/{attempt.id}"
        return DeferredAnswer(
            f"{attempt.id}:{attempt.amount}", partial(perform_all, jobs), location
        )

    def resume(self, reference: str) -> Callable[[], None]:
        """Do at Stripe what no worker has begun."""
        attempt = PaymentAttempt.get_by_id(reference.partition(":")[0])
        return partial(perform_all, stage_intent_jobs(attempt) if attempt.is_live else [])

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """201 with the client secret, read from Stripe, and billing details for its form; neither
        is stored here.
        """
        attempt_id, _, wanted = reference.partition(":")
        attempt = PaymentAttempt.get_by_id(attempt_id)
        if attempt.state == "refused" or (
            attempt.is_in_place and attempt.error and attempt.intent_amount != int(wanted)
        ):
            raise Problem("payment_refused", f"Stripe refused this payment: {attempt.error}")
        if attempt.state == "planned" or (attempt.state == "open" and not attempt.is_in_place):
            raise _unanswered()
        # retired before Stripe made the intent, or not yet closed there: its secret could still pay
        if attempt.intent_id is None or attempt.state == "retiring":
            raise Problem(
                "invoice_not_payable",
                "The balance changed before the payment was prepared; nothing was charged. Ask"
                " again with a new Idempotency-Key.",
            )
        intent = _read(attempt.intent_id, attempt.stripe_account)
        if PaymentAttempt.not_as_confirmed(intent["id"], intent["amount"]):
            # an earlier change took effect late; reading the intent has the amount changed back
            payment, _ = read_intent(attempt.invoice_id, intent["id"], caller_of(req).actor)
            if payment.status in CHANGEABLE:
                raise _unanswered()
        resp.status = falcon.HTTP_201
        resp.media = {
            "paymentIntentId": intent["id"],
            "clientSecret": intent["client_secret"],
            "amount": intent["amount"],
            "currency": intent["currency"],
            "status": intent["status"],
            "billingDetails": stripe_billing(
                attempt.invoice.customer, check(NewIntent, req.context.document).billing_details
            ),
        }


def _read(intent_id: str, stripe_account: str) -> dict[str, Any]:
    try:
        return get_intent(intent_id, stripe_account)
    except ProviderError as error:
        raise _unanswered() from error


def _unanswered() -> Problem:
    detail = "Stripe did not answer in time; retry with the same Idempotency-Key."
    return Problem("provider_unavailable", detail, headers={"Retry-After": "3"})
