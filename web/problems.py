"""Every error the API answers, in one table: RFC 9457 problem details with a stable code."""

import json
from typing import Any

import falcon

from runtime.errors import PayphoneError

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request could not be read"),
    "bad_signature": (400, "The signature does not hold"),
    "unauthenticated": (401, "An API key is required"),
    "webhook_not_signed": (403, "The webhook was not signed by its sender"),
    "forbidden": (403, "This key may not do that"),
    "https_required": (403, "HTTPS is required"),
    "not_found": (404, "There is no such thing here"),
    "card_declined": (402, "The card was declined"),
    "method_not_allowed": (405, "This address does not take that method"),
    "conflict": (409, "Somebody else was first"),
    "already_exists": (409, "It exists already"),
    "idempotency_in_progress": (409, "The first request with this key is still running"),
    "charges_paused": (409, "Charges are paused"),
    "ceiling_reached": (409, "The account's daily ceiling is reached"),
    "books_stale": (409, "Stripe's events have not been read for hours"),
    "payment_in_progress": (409, "A payment of this invoice is under way"),
    "payment_conflict": (409, "The reference stands for another payment"),
    "no_saved_card": (409, "There is no saved card"),
    "staff_form_off": (409, "Cards are taken by payment link only"),
    "invoice_already_paid": (409, "The invoice is paid"),
    "invoice_not_payable": (409, "The invoice cannot be paid"),
    "invoice_closed": (409, "The invoice is cancelled or written off"),
    "payment_voided": (409, "The payment was voided"),
    "payment_not_voidable": (409, "The payment cannot be voided"),
    "payment_not_refundable": (409, "The payment cannot be refunded"),
    "invoice_has_payments": (409, "The invoice has payments"),
    "card_form_expired": (410, "The card form is not valid any more"),
    "cursor_too_old": (410, "The cursor is older than what is kept"),
    "body_too_large": (413, "The body is too large"),
    "invalid": (422, "Some fields are not valid"),
    "payment_refused": (422, "Stripe would not take the charge"),
    "amount_exceeds_balance": (422, "More than what is owed"),
    "currency_mismatch": (422, "Another currency than the invoice's"),
    "amount_exceeds_payment": (422, "More than what is left of the payment"),
    "contact_refused": (422, "The person may not be contacted now"),
    "card_number_refused": (422, "A card number was refused"),
    "idempotency_key_reused": (422, "The idempotency key was used for another request"),
    "stripe_customer_unknown": (422, "No Stripe customer of this account"),
    "rate_limited": (429, "Too many requests"),
    "internal": (500, "Something went wrong on our side"),
    "provider_unavailable": (503, "The payment provider did not answer"),
    "not_configured": (503, "A setting of this installation is missing"),
    "unavailable": (503, "The database cannot be reached"),
}


class Problem(PayphoneError):
    """An answer that says what was wrong. `code` names a row of the table; `errors` are per field."""

    def __init__(self, code: str, detail: str = "", errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail or PROBLEMS[code][1])
        self.code, self.detail, self.errors, self.headers = code, detail, errors or [], headers or {}
        self.extra: dict[str, str] = {}

    @property
    def status(self) -> int:
        """The HTTP status of this problem."""
        return PROBLEMS[self.code][0]

    def body(self) -> dict[str, Any]:
        """The problem document."""
        title = PROBLEMS[self.code][1]
        document: dict[str, Any] = {"type": f"/api/docs/problems#{self.code}", "title": title, "status": self.status, "code": self.code}
        document["detail"] = self.detail or title
        return document | self.extra | ({"errors": self.errors} if self.errors else {})


def write_problem(resp: falcon.Response, problem: Problem) -> None:
    """Answer with a problem."""
    resp.status = problem.status
    resp.content_type = "application/problem+json"
    resp.text = json.dumps(problem.body())
    for name, value in problem.headers.items():
        resp.set_header(name, value)
