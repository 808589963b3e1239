"""`create-payment-intent`: the invoice's one open intent, for whoever pays it."""

from typing import Any

import falcon

from actions.payments.record_intent import retire_asks_elsewhere
from delivery.perform_now import perform_now, stage_now
from models.accounts.audit_entry import AuditEntry
from models.books.stripe_watermark import StripeWatermark
from models.effects.daily_limit import over_ceiling
from models.effects.pause_switch import paused
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from providers.errors import ProviderError
from providers.stripe.intents import get_intent
from runtime.clock import business_now, real_now
from web.http.auth import caller_of
from web.http.body import Body, check
from web.http.fields import Amount, Email, Id
from web.http.idempotency import idempotent
from web.http.later import Later
from web.http.problems import Problem
from web.invoices.answers import IntentShown
from web.invoices.invoices import find_invoice
from web.openapi.openapi import documented
from web.payments.billing import BillingDetails, stripe_billing
from web.payments.payment_links import check_payable

PAYING_PROBLEMS = (
    "invoice_already_paid",
    "invoice_not_payable",
    "payment_in_progress",
    "provider_unavailable",
)
CEILING_REACHED = (
    "This account has reached its daily ceiling of charges; nothing was charged. It resets at the"
    " account's midnight; an operator can raise it."
)


class NewIntent(Body):
    """The amount to pay (minor units); by default the whole balance."""

    invoice_id: Id
    amount: Amount | None = None
    receipt_email: Email | None = None
    billing_details: BillingDetails | None = None


def plan_attempt(
    invoice: Invoice, amount: int | None, receipt_email: str | None, asked_by: str
) -> tuple[PaymentAttempt, list[int | None]]:
    """The locked invoice's open attempt for `amount`, and the jobs that bring its intent there.

    An intent's amount is only ever lowered: a higher one needs another attempt, because a payer who
    was shown less agreed to less. Without a `receipt_email` the receipt goes where the intent sends
    it already, or to the customer. Raises Problem: not payable, more than is owed, charges paused
    or at their ceiling, or a charge under way.
    """
    check_payable(invoice)
    check_charges_run(invoice.account_id)
    wanted = invoice.outstanding if amount is None else amount
    if wanted > invoice.outstanding:
        raise Problem(
            "amount_exceeds_balance",
            f"{invoice.outstanding} {invoice.currency} (minor units) are owed; {wanted} were"
            " requested.",
        )
    retire_asks_elsewhere(invoice)
    live, now, customer = PaymentAttempt.live(invoice), real_now(), invoice.customer
    if live is None:
        attempt = PaymentAttempt.plan(
            invoice, wanted, receipt_email or customer.email, asked_by, now
        )
        about = {"invoice_id": invoice.id, "amount": wanted, "currency": invoice.currency}
        AuditEntry.record(
            attempt.asked_by,
            "payment.planned",
            f"payment_attempt:{attempt.id}",
            invoice.account_id,
            **about,
        )
        return attempt, [stage_now("open_payment_intent", attempt.id, attempt.id)]
    change = {
        "amount": wanted,
        "stripe_customer_id": customer.stripe_customer_id,
        "receipt_email": receipt_email or live.receipt_email,
    }
    if all(getattr(live, name) == value for name, value in change.items()):
        return live, _until_in_place(live)
    if live.state == "planned":
        raise Problem(
            "payment_in_progress",
            f"Another payment of invoice {invoice.number} is being prepared; try again in a"
            " moment.",
        )
    # somebody's page may hold the intent's secret, and shows less
    if wanted > max(live.amount, live.intent_amount):
        live.record_retiring(now)
        closing = stage_now("cancel_payment_intent", live.id, live.id)
        attempt, jobs = plan_attempt(invoice, wanted, receipt_email or live.receipt_email, asked_by)
        return attempt, [closing, *jobs]
    live.record_change_wanted(now, **change)
    return live, _until_in_place(live)


def _until_in_place(attempt: PaymentAttempt) -> list[int | None]:
    """The job that brings the intent where it is wanted, staged or revived;
    none when it is there.
    """
    if attempt.is_in_place:
        return []
    if attempt.state == "planned":
        return [stage_now("open_payment_intent", attempt.id, attempt.id)]
    return [
        stage_now(
            "change_payment_intent",
            f"{attempt.id}:{attempt.amount_version}",
            attempt.id,
            attempt.amount_version,
        )
    ]


def check_charges_run(account_id: str) -> None:
    """Raises Problem 409 while charges are paused, or when the account has had its charges of the
    day.
    """
    if paused(account_id, "charges"):
        raise Problem(
            "charges_paused",
            "An operator has paused charges; nothing was charged. Payment links still work.",
        )
    if over_ceiling(account_id, "charges", business_now()):
        raise Problem("ceiling_reached", CEILING_REACHED)


def check_books_are_read(invoice: Invoice) -> None:
    """Raises Problem 409 while the account's list of Stripe's events has not been read for hours:
    the invoice may have been paid.
    """
    if StripeWatermark.is_stale(invoice.account.stripe_account or "", real_now()):
        detail = (
            "Stripe's events have not been read for hours, so a payment may be missing here;"
            " nothing was charged. Ask the operator of this installation."
        )
        raise Problem("books_stale", detail)


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
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Create the invoice's payment intent, or return its open one."""
        caller, wanted = caller_of(req), check(NewIntent, document)
        find_invoice(caller.own, wanted.invoice_id)
        invoice = Invoice.locked(wanted.invoice_id)
        email = wanted.receipt_email or (
            wanted.billing_details.email if wanted.billing_details else None
        )
        attempt, jobs = plan_attempt(invoice, wanted.amount, email, caller.actor)
        return Later(f"{attempt.id}:{attempt.amount}", lambda: _perform(jobs))

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """201 with the client secret, read at Stripe, and billing details for its form; neither is
        stored here.
        """
        attempt_id, _, wanted = reference.partition(":")
        attempt = PaymentAttempt.get_by_id(attempt_id)
        if attempt.state == "refused" or (
            attempt.is_in_place and attempt.error and attempt.intent_amount != int(wanted)
        ):
            raise Problem("payment_refused", f"Stripe refused this payment: {attempt.error}")
        if attempt.state == "planned" or (attempt.state == "open" and not attempt.is_in_place):
            raise Problem(
                "provider_unavailable",
                "Stripe did not answer in time; retry with the same Idempotency-Key.",
                headers={"Retry-After": "3"},
            )
        intent = _read(attempt.intent_id or "", attempt.stripe_account)
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


def _perform(jobs: list[int | None]) -> None:
    for job_id in jobs:
        perform_now(job_id)


def _read(intent_id: str, stripe_account: str) -> dict[str, Any]:
    try:
        return get_intent(intent_id, stripe_account)
    except ProviderError as error:
        detail = "Stripe did not answer in time; retry with the same Idempotency-Key."
        raise Problem("provider_unavailable", detail, headers={"Retry-After": "3"}) from error
