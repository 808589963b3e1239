"""The outcome of a payment according to Stripe, for a charge of ours or an intent."""

from typing import Any

import falcon

from actions.payments.charge import declined, why_not_charged
from actions.payments.read_intent import read_intent
from models.calling.keypad_session import KeypadSession
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_confirmation import PaymentConfirmation
from web.invoices.responses import InvoiceShown
from web.payments.responses import PaymentShown

Json = dict[str, Any]


def answer_outcome(resp: falcon.Response, reference: str, actor: str) -> None:
    """Answer for `charge:<confirmation>`, `look:<invoice>:<intent>` or `keypad:<session>`: 200
    reports success only if Stripe says succeeded, 202 that the outcome is not known yet.

    Raises Refused if the card was declined, or not charged for any other reason.
    """
    kind, _, rest = reference.partition(":")
    if kind == "look":
        invoice_id, _, intent_id = rest.partition(":")
        _answer_look(resp, invoice_id, intent_id, actor)
        return
    if kind == "keypad":
        session = KeypadSession.get_by_id(rest)
        if session.confirmation_id is None:
            status = "failed" if session.state == "failed" else "pending"
            _answer(resp, session.invoice_id, None, status, rest, status == "pending")
            resp.set_header("Location", f"/api/payments/{rest}")
            return
        rest = session.confirmation_id
    confirmation = PaymentConfirmation.get_by_id(rest)
    attempt = confirmation.attempt
    if confirmation.state in {"declined", "refused"}:
        raise why_not_charged(confirmation)
    payment = Payment.by_intent(attempt.stripe_account, attempt.intent_id or "")
    if confirmation.state == "settled" and (
        payment is None or payment.status not in {"succeeded", "processing"}
    ):
        # the payer has, or had, something left to do: read what Stripe says now
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


def _answer_look(resp: falcon.Response, invoice_id: str, intent_id: str, actor: str) -> None:
    payment, intent = read_intent(invoice_id, intent_id, actor)
    if payment.status == "failed" and intent["status"] == "requires_payment_method":
        error = intent.get("last_payment_error") or {}
        raise declined(error.get("decline_code") or error.get("code") or "")
    asks = intent["status"] == "requires_action" and payment.status not in {
        "succeeded",
        "processing",
    }
    _answer(resp, invoice_id, payment, "requires_action" if asks else payment.status, payment.id)
    if asks:
        # the payer's page continues with it; it is stored nowhere
        resp.media["clientSecret"] = intent["client_secret"]


def _answer(
    resp: falcon.Response,
    invoice_id: str,
    payment: Payment | None,
    status: str,
    at: str,
    unsettled: bool = False,
) -> None:
    unsettled = unsettled or status in {"processing", "unknown"}
    resp.status = falcon.HTTP_202 if unsettled else falcon.HTTP_200
    if unsettled:
        resp.set_header("Location", f"/api/payments/{at}")
    resp.media = {
        "success": status == "succeeded",
        "status": status,
        "payment": PaymentShown.of(payment).document() if payment else None,
        "invoice": InvoiceShown.show(Invoice.get_by_id(invoice_id)),
    }
