"""Every error the API answers, in one table: RFC 9457 problem details with a stable code."""

import json
from typing import Any

import falcon

from rules.problem_advice import next_step
from runtime.errors import Refused

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request could not be read"),
    "idempotency_key_required": (400, "An idempotency key is required"),
    "bad_signature": (400, "Invalid signature"),
    "unauthenticated": (401, "A valid API key is required"),
    "webhook_not_signed": (403, "Invalid webhook signature"),
    "forbidden": (403, "This action is not allowed"),
    "https_required": (403, "HTTPS is required"),
    "not_found": (404, "Not found"),
    "card_declined": (402, "The card was declined"),
    "payment_method_required": (402, "Payment method required"),
    "method_not_allowed": (405, "Method not allowed"),
    "conflict": (409, "The request conflicts with the current state"),
    "already_exists": (409, "Already exists"),
    "idempotency_in_progress": (409, "The first request with this key is still running"),
    "charges_paused": (409, "Charges are paused"),
    "calls_paused": (409, "Calls are paused"),
    "ceiling_reached": (409, "The account's daily ceiling is reached"),
    "books_stale": (409, "Stripe's events have not been read for hours"),
    "payment_in_progress": (409, "A payment for this invoice is in progress"),
    "payment_conflict": (409, "The reference belongs to a different payment"),
    "payment_repeated": (409, "The same charge was made minutes ago"),
    "no_saved_card": (409, "No saved card"),
    "keypad_unavailable": (409, "No card can be typed in this call"),
    "staff_form_off": (409, "Cards are taken by payment link only"),
    "invoice_already_paid": (409, "The invoice is paid"),
    "invoice_not_payable": (409, "The invoice cannot be paid"),
    "invoice_closed": (409, "The invoice is cancelled or written off"),
    "payment_voided": (409, "The payment was voided"),
    "payment_not_voidable": (409, "The payment cannot be voided"),
    "payment_not_refundable": (409, "The payment cannot be refunded"),
    "invoice_has_payments": (409, "The invoice has payments"),
    "deployment_in_progress": (409, "A deployment is in progress"),
    "deployment_not_ready": (409, "The configuration is not complete"),
    "deployment_over": (409, "The deployment is over"),
    "cost_changed": (409, "The cost has changed"),
    "no_caller_number": (409, "The account has no number to call from"),
    "call_in_doubt": (409, "Whether a call was placed is not known"),
    "call_under_way": (409, "A call to this person is on its way"),
    "number_unavailable": (409, "No phone number could be bought"),
    "card_form_expired": (410, "The card form has expired"),
    "cursor_too_old": (410, "Events after this cursor are no longer kept"),
    "body_too_large": (413, "The body is too large"),
    "invalid": (422, "Some fields are invalid"),
    "provider_refused": (422, "The provider refused the request"),
    "payment_refused": (422, "Stripe refused the charge"),
    "amount_exceeds_balance": (422, "The amount exceeds the balance"),
    "currency_mismatch": (422, "Currency does not match the invoice"),
    "amount_exceeds_payment": (422, "The amount exceeds what can still be refunded"),
    "contact_refused": (422, "This person may not be contacted now"),
    "card_number_refused": (422, "Card numbers are not accepted"),
    "idempotency_key_reused": (422, "The idempotency key was used for another request"),
    "stripe_customer_unknown": (422, "Stripe customer not found in this account"),
    "rate_limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong on our side"),
    "provider_unavailable": (503, "The provider did not answer"),
    "not_configured": (503, "A required setting is missing"),
    "outcome_unknown": (503, "It is not known whether the request was saved"),
    "unavailable": (503, "A service we depend on cannot be reached"),
}


class Problem(Refused):
    """A refusal that is about HTTP itself, with response headers of its own."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        **members: str | None,
    ) -> None:
        super().__init__(code, detail, errors, None, **members)
        self.headers = headers or {}

    @property
    def status(self) -> int:
        """The HTTP status of this problem."""
        return status_of(self)


def status_of(refused: Refused) -> int:
    """The HTTP status of a refusal."""
    return PROBLEMS[refused.code][0]


def document_of(refused: Refused) -> dict[str, Any]:
    """The problem document of a refusal."""
    status, title = PROBLEMS[refused.code]
    document: dict[str, Any] = {
        "type": f"/api/docs/problems#{refused.code}",
        "title": title,
        "status": status,
        "code": refused.code,
        "detail": refused.detail or f"{title}.",
        "next": next_step(refused.code),
    }
    return document | refused.members | ({"errors": refused.errors} if refused.errors else {})


def write_problem(resp: falcon.Response, refused: Refused) -> None:
    """Answer with the problem document of a refusal."""
    if refused.code != "outcome_unknown":  # what a responder has announced was not saved
        resp.delete_header("Location")
    resp.status = status_of(refused)
    resp.content_type = "application/problem+json"
    resp.text = json.dumps(document_of(refused))
    headers = refused.headers if isinstance(refused, Problem) else {}
    if refused.retry_after is not None:
        headers = {"Retry-After": str(refused.retry_after)} | headers
    for name, value in headers.items():
        resp.set_header(name, value)
