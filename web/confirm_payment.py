"""Confirming payments: for web, backend and phone alike. Only Stripe's `succeeded` is success."""

import re
import time
from typing import Any

import falcon

from delivery.at_once import perform_at_once, stage_at_once
from delivery.standing import retire_asks, stand_anew
from jobs.confirm_payment import confirm_payment
from models.audit_entry import AuditEntry
from models.base import serialize_on, transaction
from models.contact_facts import payment_is_under_way
from models.invoice import Invoice
from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.payment_confirmation import PaymentConfirmation
from models.payment_link import PaymentLink
from models.standing import lock_invoice
from providers.errors import ProviderError
from providers.stripe_events import read_intent
from providers.stripe_intents import get_intent
from rules.declines import advice, public_code
from runtime.clock import real_now
from web.answers import Confirmed
from web.auth import Caller, caller_of
from web.body import Body, check
from web.fields import Amount, PaymentMethodId
from web.idempotency import idempotent
from web.invoices import find_invoice
from web.later import Later, nothing_to_perform
from web.openapi import documented
from web.payment_intents import PAYING_PROBLEMS, check_charges_run, plan_attempt
from web.problems import Problem
from web.shapes import show_invoice, show_payment

LINK_PATIENCE = 3.0  # seconds a request waits for the invoice's link to be closed before the card is charged
PAUSE = 0.05


WITHDRAWN = {
    "not_payable": ("invoice_not_payable", "The balance changed before the card was charged; nothing was charged."),
    "too_late": ("invoice_not_payable", "The card could not be charged in time, and is not charged late; nothing was charged. Ask again."),
    "charges_paused": ("charges_paused", "An operator has paused charges; nothing was charged."),
    "payment_in_progress": ("payment_in_progress", "Another payment of this invoice is on its way; nothing was charged."),
    "amount_refused": ("payment_refused", "Stripe would not take this amount; nothing was charged."),
    "no_saved_card": ("no_saved_card", "The customer has no card saved at Stripe; nothing was charged."),
}
INTENT_ID = re.compile(r"pi_\w{1,120}", re.ASCII)
CHARGING_PROBLEMS = (*PAYING_PROBLEMS, "amount_exceeds_balance", "no_saved_card", "card_declined", "payment_refused", "charges_paused")


class Confirm(Body):
    """Which intent; with a payment method it is charged here, without one it is looked at."""

    payment_intent_id: str
    invoice_id: str
    payment_method_id: PaymentMethodId | None = None


class PhonePayment(Body):
    """A payment taken on the phone: with a payment method or the customer's saved card, never a card number."""

    invoice_id: str
    payment_method_id: PaymentMethodId | None = None
    use_saved_card: bool = False
    amount: Amount | None = None
    call_id: str | None = None


class ConfirmPayment:
    """`/api/payments/confirm-payment`"""

    @documented("Payments", {200: Confirmed, 202: Confirmed}, body=Confirm, problems=(*PAYING_PROBLEMS, "card_declined", "payment_refused", "charges_paused"))
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Charge, or look; the answer is what Stripe says of the intent."""
        caller, wanted = caller_of(req), check(Confirm, document)
        find_invoice(caller.own, wanted.invoice_id)
        if not wanted.payment_method_id:
            return Later(f"look:{wanted.invoice_id}:{wanted.payment_intent_id}", nothing_to_perform)
        invoice = lock_invoice(wanted.invoice_id)
        attempt = PaymentAttempt.get_or_none((PaymentAttempt.intent_id == wanted.payment_intent_id) & (PaymentAttempt.invoice == invoice))
        if attempt is None:
            raise Problem("not_found", f"Invoice {invoice.number} has no payment intent {wanted.payment_intent_id[:40]}.")
        if attempt.state != "open":
            return Later(f"look:{invoice.id}:{attempt.intent_id}", nothing_to_perform)
        return charge(invoice, attempt, wanted.payment_method_id, caller, [])

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Answer from rows."""
        _render(resp, reference)


class PayByPhone:
    """`/api/payments/phone`: the same path, by mail or telephone order."""

    @documented("Payments", {200: Confirmed, 202: Confirmed}, body=PhonePayment, problems=CHARGING_PROBLEMS)
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> Later:
        """Open the invoice's intent and charge it."""
        caller, wanted = caller_of(req), check(PhonePayment, document)
        if bool(wanted.payment_method_id) == wanted.use_saved_card:
            raise Problem("invalid", "Give a paymentMethodId, or set useSavedCard; one of the two.", [{"field": "paymentMethodId", "message": "one of two"}])
        find_invoice(caller.own, wanted.invoice_id)
        invoice = lock_invoice(wanted.invoice_id)
        if wanted.use_saved_card and not invoice.customer.stripe_customer_id:
            raise Problem("no_saved_card", f"Customer {invoice.customer_id} has no stripeCustomerId, so no card of theirs is saved.")
        attempt, jobs = plan_attempt(invoice, wanted.amount, invoice.customer.email, caller)
        how = {"by_phone": True, "off_session": wanted.use_saved_card, "call_id": wanted.call_id}
        return charge(invoice, attempt, wanted.payment_method_id, caller, jobs, **how)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Answer from rows."""
        _render(resp, reference)


def charge(invoice: Invoice, attempt: PaymentAttempt, card: str | None, caller: Caller, jobs: list[int | None], **how: bool | str | None) -> Later:
    """Stage a charge of the locked invoice's attempt; its link stops taking money first. Raises Problem 409."""
    if payment_is_under_way(invoice):
        raise Problem("payment_in_progress", f"Invoice {invoice.number} is being paid right now; ask again in a moment.")
    check_charges_run(invoice.account_id)
    confirmation = PaymentConfirmation.request(attempt, card, f"key:{caller.key_id}", real_now(), **how)
    about = {"invoice_id": invoice.id, "amount": attempt.amount, "currency": attempt.currency, "by_phone": confirmation.by_phone}
    AuditEntry.record(confirmation.asked_by, "payment.requested", f"payment_confirmation:{confirmation.id}", invoice.account_id, **about)
    retire_asks(invoice, attempts=False)
    staged = [*jobs, stage_at_once(confirm_payment, confirmation.id, confirmation.id)]
    return Later(f"charge:{confirmation.id}", lambda: _perform(invoice.id, staged))


def _perform(invoice_id: str, staged: list[int | None]) -> None:
    until = time.monotonic() + LINK_PATIENCE
    while _link_is_closing(invoice_id) and time.monotonic() < until:
        time.sleep(PAUSE)
    for job_id in staged:
        perform_at_once(job_id)


def _link_is_closing(invoice_id: str) -> bool:
    return PaymentLink.select().where(PaymentLink.invoice == invoice_id, PaymentLink.state == "retiring").exists()


def look(invoice_id: str, intent_id: str) -> None:
    """Read an intent at Stripe and record what it says. Raises Problem 404 when it is not this invoice's."""
    invoice = Invoice.get_by_id(invoice_id)
    stripe_account = invoice.account.stripe_account or ""
    if not INTENT_ID.fullmatch(intent_id):  # anything else would be another address at Stripe
        raise Problem("not_found", f"Invoice {invoice.number} has no such payment intent; its id begins with pi_.")
    try:
        intent = get_intent(intent_id, stripe_account)
    except ProviderError as error:
        code = "not_found" if error.code == "resource_missing" else "provider_unavailable"
        raise Problem(code, f"Stripe knows no payment intent {intent_id[:40]}." if code == "not_found" else "Stripe did not answer; ask again.") from error
    found, known = read_intent(intent), Payment.by_intent(stripe_account, intent_id)
    belongs = (found.belonging.account_id, found.belonging.invoice_id) == (invoice.account_id, invoice.id)
    if known.invoice_id != invoice.id if known else not belongs:
        raise Problem("not_found", f"Invoice {invoice.number} has no payment intent {intent_id[:40]}.")
    with transaction():
        serialize_on(intent_id)
        locked, now = lock_invoice(invoice_id), real_now()
        Payment.record_report(locked, stripe_account, intent_id, found.report, now)
        PaymentAttempt.record_over(intent, now)
        stand_anew(locked)


def _render(resp: falcon.Response, reference: str) -> None:
    """200 only when Stripe says succeeded; 402 declined; 202 while it is not known yet."""
    kind, _, rest = reference.partition(":")
    confirmation = PaymentConfirmation.get_by_id(rest) if kind == "charge" else None
    if confirmation is not None:
        attempt = confirmation.attempt
        invoice_id, intent_id, stripe_account = attempt.invoice_id, attempt.intent_id, attempt.stripe_account
        if confirmation.state in {"declined", "refused"}:
            raise _no(confirmation)
    else:
        invoice_id, intent_id = rest.split(":", 1)
        look(invoice_id, intent_id)  # a look is a read: a repeated request looks again
        stripe_account = Invoice.get_by_id(invoice_id).account.stripe_account or ""
    invoice, payment = Invoice.get_by_id(invoice_id), Payment.by_intent(stripe_account, intent_id or "")
    unsettled = payment is None or payment.status == "processing" or (confirmation is not None and confirmation.state == "requested")
    resp.status = falcon.HTTP_202 if unsettled else falcon.HTTP_200
    if unsettled and payment is not None:
        resp.set_header("Location", f"/api/payments/{payment.id}")
    resp.media = {
        "success": payment is not None and payment.status == "succeeded", "status": _status(payment, unsettled),
        "payment": show_payment(payment) if payment else None, "invoice": show_invoice(invoice),
    }  # fmt: skip


def _status(payment: Payment | None, unsettled: bool) -> str:
    if payment is None or (unsettled and payment.status in {"pending", "failed"}):
        return "unknown"
    return str(payment.status)


def _no(confirmation: PaymentConfirmation) -> Problem:
    """Why nothing was charged."""
    code = confirmation.decline_code or ""
    if code in WITHDRAWN:
        return Problem(*WITHDRAWN[code])
    if confirmation.state == "refused":
        return Problem("payment_refused", f"Stripe would not take the charge, and nothing was charged: {confirmation.error}")
    problem = Problem("card_declined", advice(code))
    problem.extra = {"declineCode": public_code(code), "advice": advice(code)}
    return problem
