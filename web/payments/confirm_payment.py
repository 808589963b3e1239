"""Confirming payments, for web, backend and phone. Only Stripe's `succeeded` is success."""

from collections.abc import Callable
from functools import partial
from typing import Any

import falcon
from pydantic import Field

from actions.calling.order_keypad import claim_order, order_keypad
from actions.invoices.invoices import find_invoice
from actions.payments.charge import Charge, charge, charge_by_phone, check_not_repeated, resume
from actions.payments.refused_attempts import attempting
from delivery.perform_now import perform_all
from models.calling.call import Call
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from web.http.body import Body, check
from web.http.deferred_answer import DeferredAnswer, nothing_to_perform
from web.http.fields import Amount, Id, PaymentMethodId
from web.http.guards.auth import Caller, caller_of
from web.http.idempotency import idempotent, key_required
from web.http.problems import Problem
from web.openapi.openapi import documented
from web.payments.payment_intents import PAYING_PROBLEMS
from web.payments.payment_outcome import answer_outcome
from web.payments.responses import Confirmed

CONFIRMING_PROBLEMS = (
    *PAYING_PROBLEMS,
    "card_declined",
    "payment_refused",
    "charges_paused",
    "ceiling_reached",
    "books_stale",
)
CHARGING_PROBLEMS = (
    *CONFIRMING_PROBLEMS,
    "amount_exceeds_balance",
    "no_saved_card",
    "keypad_unavailable",
    "not_configured",
    "payment_repeated",
    "idempotency_key_required",
)


class Confirm(Body):
    """Which intent; with a payment method it is charged, without one its state is read."""

    payment_intent_id: Id
    invoice_id: Id
    payment_method_id: PaymentMethodId | None = None


class PhonePayment(Body):
    """A payment taken on the phone: with a payment method, the customer's saved card, or a card
    typed on the keypad during a call of the assistant's (`callId`); never a card number.
    """

    invoice_id: Id
    payment_method_id: PaymentMethodId | None = None
    use_saved_card: bool = False
    keypad: bool = Field(
        default=False,
        description=(
            "Have the assistant of the call `callId` take a card on the keypad. It asks the"
            " customer first; the whole balance is charged, or nothing."
        ),
    )
    amount: Amount | None = None
    repeat: bool = Field(
        default=False,
        description=(
            "Charge even though the same card was charged the same amount for this invoice minutes"
            " ago."
        ),
    )
    call_id: Id | None = Field(
        default=None,
        description=(
            "The call in which it is taken, as shown with the payment and in the feed: the id of"
            " one of ours, or your own phone system's id. With keypad, one of ours."
        ),
    )


class _Charges:
    """A resource whose charges are answered from rows, whichever process made them."""

    def resume(self, reference: str) -> Callable[[], None]:
        """Perform the charge if no worker has begun it."""
        return resume_charge(reference)

    def render(self, req: falcon.Request, resp: falcon.Response, reference: str) -> None:
        """Answer from rows."""
        answer_outcome(resp, reference, caller_of(req).actor)


class ConfirmPayment(_Charges):
    """`/api/payments/confirm-payment`"""

    @documented(
        "Payments", {200: Confirmed, 202: Confirmed}, body=Confirm, problems=CONFIRMING_PROBLEMS
    )
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> DeferredAnswer:
        """Charge the intent, or read its state; the answer is what Stripe says."""
        caller, wanted = caller_of(req), check(Confirm, document)
        find_invoice(caller.own, wanted.invoice_id)
        if not wanted.payment_method_id:
            return DeferredAnswer(
                f"look:{wanted.invoice_id}:{wanted.payment_intent_id}", nothing_to_perform
            )
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
            return DeferredAnswer(f"look:{invoice.id}:{attempt.intent_id}", nothing_to_perform)
        card, key = wanted.payment_method_id, f"{attempt.id}:{wanted.payment_method_id}"
        with attempting(invoice, attempt.amount, caller.actor, key):
            return answered_later(charge(invoice, attempt, card, caller.actor, []))


class PayByPhone(_Charges):
    """`/api/payments/phone`: the same path, by mail or telephone order."""

    @documented(
        "Payments", {200: Confirmed, 202: Confirmed}, body=PhonePayment, problems=CHARGING_PROBLEMS
    )
    @key_required
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> DeferredAnswer:
        """Charge a card for the invoice as a mail or telephone order (MOTO).

        By keypad, 202 once it is ordered: nothing is charged before the customer has agreed during
        the call and typed the card.
        """
        caller, wanted = caller_of(req), check(PhonePayment, document)
        if [bool(wanted.payment_method_id), wanted.use_saved_card, wanted.keypad].count(True) != 1:
            raise _invalid(
                "paymentMethodId",
                "is not the only card named; one is accepted; send it, useSavedCard or keypad",
                "Send exactly one of paymentMethodId, useSavedCard and keypad.",
            )
        find_invoice(caller.own, wanted.invoice_id)
        invoice = Invoice.locked(wanted.invoice_id)
        if wanted.keypad:
            return _order_by_keypad(invoice, wanted, caller)
        card = wanted.payment_method_id
        with attempting(invoice, wanted.amount, caller.actor):
            if not wanted.repeat:
                check_not_repeated(invoice, wanted.amount, card)
            return answered_later(
                charge_by_phone(invoice, wanted.amount, card, caller.actor, wanted.call_id)
            )


def _order_by_keypad(invoice: Invoice, wanted: PhonePayment, caller: Caller) -> DeferredAnswer:
    if wanted.call_id is None:
        raise _invalid(
            "callId",
            "is missing; with keypad, the id of a call that is going on is accepted; add it",
            "A card is typed during a call of the assistant's: name the call.",
        )
    if wanted.amount not in {None, invoice.outstanding}:
        raise _invalid(
            "amount",
            "is not what is owed; by keypad the whole balance is accepted; leave it out",
            "A card typed on the keypad is charged the whole balance.",
        )
    call = Call.one("id = ? AND account_id = ?", wanted.call_id, caller.own.id)
    if call is None:
        raise Problem("not_found", f"There is no call {wanted.call_id[:40]}.")
    with attempting(invoice, None, caller.actor):
        session, job_id = order_keypad(invoice, call, caller.actor)
    perform = partial(perform_all, [job_id])
    return DeferredAnswer(f"keypad:{session.id}", perform, f"/api/payments/{session.id}")


def _invalid(field: str, message: str, detail: str) -> Problem:
    return Problem("invalid", detail, [{"field": field, "message": message}])


def resume_charge(reference: str) -> Callable[[], None]:
    """What is left to perform when a charge is requested again with the same key."""
    kind, _, row_id = reference.partition(":")
    if kind == "keypad":
        return partial(perform_all, [claim_order(row_id)])
    return resume(row_id).perform if kind == "charge" else nothing_to_perform


def answered_later(asked: Charge) -> DeferredAnswer:
    """The answer about a charge that is made after the commit and then read from rows."""
    location = f"/api/payments/{asked.attempt_id}"
    return DeferredAnswer(f"charge:{asked.confirmation_id}", asked.perform, location)
