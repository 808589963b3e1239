"""Confirming payments: for web, backend and phone alike. Only Stripe's `succeeded` is success."""

import time
from typing import Any

import falcon

from actions.contact.gate_facts import payment_is_under_way
from actions.invoices.invoices import find_invoice
from actions.payments.record_intent import retire_asks
from delivery.perform_now import perform_now, stage_now
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from runtime.clock import real_now
from web.http.auth import caller_of
from web.http.body import Body, check
from web.http.fields import Amount, Id, PaymentMethodId
from web.http.idempotency import idempotent
from web.http.later import Later, nothing_to_perform
from web.http.problems import Problem
from web.invoices.answers import Confirmed
from web.openapi.openapi import documented
from web.payments.payment_intents import (
    PAYING_PROBLEMS,
    check_books_are_read,
    check_charges_run,
    plan_attempt,
)
from web.payments.payment_outcome import answer_outcome

# seconds a request waits for the invoice's link to be closed before the card is charged
LINK_PATIENCE = 3.0
PAUSE = 0.05

CONFIRMING_PROBLEMS = (
    *PAYING_PROBLEMS,
    "card_declined",
    "payment_refused",
    "charges_paused",
    "ceiling_reached",
    "books_stale",
)
CHARGING_PROBLEMS = (*CONFIRMING_PROBLEMS, "amount_exceeds_balance", "no_saved_card")


class Confirm(Body):
    """Which intent; with a payment method it is charged, without one its state is read."""

    payment_intent_id: Id
    invoice_id: Id
    payment_method_id: PaymentMethodId | None = None


class PhonePayment(Body):
    """A payment taken on the phone: with a payment method or the customer's saved card, never a
    card number.
    """

    invoice_id: Id
    payment_method_id: PaymentMethodId | None = None
    use_saved_card: bool = False
    amount: Amount | None = None
    call_id: Id | None = None


class ConfirmPayment:
    """`/api/payments/confirm-payment`"""

    @documented(
        "Payments", {200: Confirmed, 202: Confirmed}, body=Confirm, problems=CONFIRMING_PROBLEMS
    )
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Charge the intent, or read its state; the answer is what Stripe says."""
        caller, wanted = caller_of(req), check(Confirm, document)
        find_invoice(caller.own, wanted.invoice_id)
        if not wanted.payment_method_id:
            return Later(f"look:{wanted.invoice_id}:{wanted.payment_intent_id}", nothing_to_perform)
        invoice = Invoice.locked(wanted.invoice_id)
        attempt = PaymentAttempt.get_or_none(
            (PaymentAttempt.intent_id == wanted.payment_intent_id)
            & (PaymentAttempt.invoice == invoice)
        )
        if attempt is None:
            raise Problem(
                "not_found",
                f"Invoice {invoice.number} has no payment intent {wanted.payment_intent_id[:40]}.",
            )
        if attempt.state != "open":
            return Later(f"look:{invoice.id}:{attempt.intent_id}", nothing_to_perform)
        return charge(invoice, attempt, wanted.payment_method_id, caller.actor, [])

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Answer from rows."""
        answer_outcome(resp, reference, caller_of(req).actor)


class PayByPhone:
    """`/api/payments/phone`: the same path, by mail or telephone order."""

    @documented(
        "Payments", {200: Confirmed, 202: Confirmed}, body=PhonePayment, problems=CHARGING_PROBLEMS
    )
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Charge a card for the invoice as a mail or telephone order (MOTO)."""
        caller, wanted = caller_of(req), check(PhonePayment, document)
        if bool(wanted.payment_method_id) == wanted.use_saved_card:
            raise Problem(
                "invalid",
                "Give either a paymentMethodId or useSavedCard.",
                [{"field": "paymentMethodId", "message": "give this or useSavedCard"}],
            )
        find_invoice(caller.own, wanted.invoice_id)
        invoice = Invoice.locked(wanted.invoice_id)
        if wanted.use_saved_card and not invoice.customer.stripe_customer_id:
            raise Problem(
                "no_saved_card",
                f"Customer {invoice.customer_id} has no stripeCustomerId, so there is no saved"
                " card.",
            )
        attempt, jobs = plan_attempt(invoice, wanted.amount, None, caller.actor)
        how = {"by_phone": True, "off_session": wanted.use_saved_card, "call_id": wanted.call_id}
        return charge(invoice, attempt, wanted.payment_method_id, caller.actor, jobs, **how)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Answer from rows."""
        answer_outcome(resp, reference, caller_of(req).actor)


def charge(
    invoice: Invoice,
    attempt: PaymentAttempt,
    card: str | None,
    asked_by: str,
    jobs: list[int | None],
    **how: bool | str | None,
) -> Later:
    """Stage a charge of the locked invoice's attempt; its link stops taking money first. Raises
    Problem 409.
    """
    if payment_is_under_way(invoice):
        raise Problem(
            "payment_in_progress",
            f"Invoice {invoice.number} is being paid right now; try again in a moment.",
        )
    check_charges_run(invoice.account_id)
    check_books_are_read(invoice)
    confirmation = PaymentConfirmation.request(attempt, card, asked_by, real_now(), **how)
    about = {
        "invoice_id": invoice.id,
        "amount": attempt.amount,
        "currency": attempt.currency,
        "by_phone": confirmation.by_phone,
    }
    AuditEntry.record(
        confirmation.asked_by,
        "payment.requested",
        f"payment_confirmation:{confirmation.id}",
        invoice.account_id,
        **about,
    )
    retire_asks(invoice, attempts=False)
    staged = [*jobs, stage_now("confirm_payment", confirmation.id, confirmation.id)]
    return Later(f"charge:{confirmation.id}", lambda: _perform(invoice.id, staged))


def _perform(invoice_id: str, staged: list[int | None]) -> None:
    until = time.monotonic() + LINK_PATIENCE
    while _link_is_closing(invoice_id) and time.monotonic() < until:
        time.sleep(PAUSE)
    for job_id in staged:
        perform_now(job_id)


def _link_is_closing(invoice_id: str) -> bool:
    return (
        PaymentLink.select()
        .where(PaymentLink.invoice == invoice_id, PaymentLink.state == "retiring")
        .exists()
    )
