"""What came of a payment, as Stripe tells it: answered for a charge of ours, or for an intent that
was looked at.
"""

import re
from typing import Any

import falcon

from actions.payments.record_intent import take_in
from models.base import serialize_on, transaction
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from providers.errors import ProviderError
from providers.stripe.events import read_intent
from providers.stripe.intents import get_intent
from rules.declines import advice, public_code
from web.http.problems import Problem
from web.invoices.shapes import show_invoice, show_payment
from web.payments.payment_intents import CEILING_REACHED

WITHDRAWN = {
    "not_payable": (
        "invoice_not_payable",
        "The balance changed before the card was charged; nothing was charged.",
    ),
    "too_late": (
        "invoice_not_payable",
        "The card could not be charged in time; nothing was charged. Try again.",
    ),
    "charges_paused": ("charges_paused", "An operator has paused charges; nothing was charged."),
    "ceiling_reached": ("ceiling_reached", CEILING_REACHED),
    "payment_in_progress": (
        "payment_in_progress",
        "Another payment of this invoice is on its way; nothing was charged.",
    ),
    "amount_refused": ("payment_refused", "Stripe refused this amount; nothing was charged."),
    "settled_by_hand": ("payment_refused", "An operator checked at Stripe: nothing was charged."),
    "no_saved_card": (
        "no_saved_card",
        "The customer has no card saved at Stripe; nothing was charged.",
    ),
}
INTENT_ID = re.compile(r"pi_\w{1,120}", re.ASCII)

Json = dict[str, Any]


def answer_outcome(resp: falcon.Response, reference: str, actor: str) -> None:
    """Answer for `charge:<confirmation>` or `look:<invoice>:<intent>`: 200 says success only when
    Stripe says succeeded.

    202 while it is not known yet. Raises Problem 402 declined, and whatever else kept the card from
    being charged.
    """
    kind, _, rest = reference.partition(":")
    if kind == "look":
        invoice_id, _, intent_id = rest.partition(":")
        _answer_look(resp, invoice_id, intent_id, actor)
        return
    confirmation = PaymentConfirmation.get_by_id(rest)
    attempt = confirmation.attempt
    if confirmation.state in {"declined", "refused"}:
        raise why_not_charged(confirmation)
    payment = Payment.by_intent(attempt.stripe_account, attempt.intent_id or "")
    if confirmation.state == "settled" and (
        payment is None or payment.status not in {"succeeded", "processing"}
    ):
        # the payer has something left to do, or had
        _answer_look(resp, attempt.invoice_id, attempt.intent_id or "", actor)
        return
    unsettled = confirmation.state == "requested" and (
        payment is None or payment.status != "succeeded"
    )
    status = (
        "unknown"
        if payment is None or (unsettled and payment.status in {"pending", "failed"})
        else payment.status
    )
    _answer(resp, attempt.invoice_id, payment, status, attempt.id, unsettled)


def look(invoice_id: str, intent_id: str, actor: str) -> tuple[Payment, Json]:
    """Read an intent at Stripe and record what it says. Raises Problem 404 when it is not this
    invoice's.
    """
    invoice = Invoice.get_by_id(invoice_id)
    if not INTENT_ID.fullmatch(intent_id):  # anything else would be another address at Stripe
        raise Problem(
            "not_found",
            f"Invoice {invoice.number} has no such payment intent; its id begins with pi_.",
        )
    ours = PaymentAttempt.get_or_none(
        (PaymentAttempt.intent_id == intent_id) & (PaymentAttempt.invoice == invoice)
    )
    # the clinic may have connected its own since
    stripe_account = ours.stripe_account if ours else invoice.account.stripe_account or ""
    try:
        intent = get_intent(intent_id, stripe_account)
    except ProviderError as error:
        code = "not_found" if error.code == "resource_missing" else "provider_unavailable"
        raise Problem(
            code,
            (
                f"Stripe has no payment intent {intent_id[:40]}."
                if code == "not_found"
                else "Stripe did not answer; try again."
            ),
        ) from error
    found, known = read_intent(intent), Payment.by_intent(stripe_account, intent_id)
    belongs = (found.belonging.account_id, found.belonging.invoice_id) == (
        invoice.account_id,
        invoice.id,
    )
    if known.invoice_id != invoice.id if known else not belongs:
        raise Problem(
            "not_found", f"Invoice {invoice.number} has no payment intent {intent_id[:40]}."
        )
    with transaction():
        serialize_on(intent_id)
        take_in(Invoice.locked(invoice_id), stripe_account, found, actor)
    return (
        Payment.get((Payment.stripe_account == stripe_account) & (Payment.intent_id == intent_id)),
        intent,
    )


def _answer_look(resp: falcon.Response, invoice_id: str, intent_id: str, actor: str) -> None:
    payment, intent = look(invoice_id, intent_id, actor)
    if payment.status == "failed" and intent["status"] == "requires_payment_method":
        error = intent.get("last_payment_error") or {}
        raise _declined(error.get("decline_code") or error.get("code") or "")
    asks = intent["status"] == "requires_action" and payment.status not in {
        "succeeded",
        "processing",
    }
    _answer(resp, invoice_id, payment, "requires_action" if asks else payment.status, payment.id)
    if asks:
        # the payer's page goes on with it; it is kept nowhere
        resp.media["clientSecret"] = intent["client_secret"]


def _answer(
    resp: falcon.Response,
    invoice_id: str,
    payment: Payment | None,
    status: str,
    at: str,
    unsettled: bool = False,
) -> None:
    unsettled = unsettled or payment is None or status == "processing"
    resp.status = falcon.HTTP_202 if unsettled else falcon.HTTP_200
    if unsettled:
        resp.set_header("Location", f"/api/payments/{at}")
    resp.media = {
        "success": status == "succeeded",
        "status": status,
        "payment": show_payment(payment) if payment else None,
        "invoice": show_invoice(Invoice.get_by_id(invoice_id)),
    }


def why_not_charged(confirmation: PaymentConfirmation) -> Problem:
    """Why a declined or refused confirmation charged nothing."""
    code = confirmation.code or ""
    if (
        code == "not_payable"
        and Invoice.get_by_id(confirmation.attempt.invoice_id).status == "paid"
    ):
        return Problem(
            "invoice_already_paid",
            "The invoice was paid another way first; the card was not charged.",
        )
    if code in WITHDRAWN:
        return Problem(*WITHDRAWN[code])
    if confirmation.state == "refused":
        return Problem(
            "payment_refused",
            f"Stripe refused the charge; nothing was charged: {confirmation.error}",
        )
    return _declined(code)


def _declined(code: str) -> Problem:
    problem = Problem("card_declined", advice(code))
    problem.members = {"declineCode": public_code(code), "advice": advice(code)}
    return problem
