"""Card numbers are refused at the door: in a path, a query, a header we keep, or any field of a
body.

It comes before everything that stores or tells: the digest of a body, the log, the answer's own
detail.
"""

from typing import Any

import falcon

from rules.cards.card_documents import card_fields
from rules.cards.card_numbers import has_bare_card_number
from web.http.problems import Problem

# what these hold is stored, or told in an answer
KEPT_HEADERS = ("Idempotency-Key", "Payphone-Account")
ADVICE = "Card numbers are never accepted here: use a payment link or Stripe's own form."


class CardGuard:
    """Looks at what every request has, before its responder does."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse a card number in the path, the query or a header we keep. Raises Problem 422."""
        refuse_card_numbers(req.params, "query ")
        places = [("path", segment) for segment in req.path.split("/")] + [
            (name, req.get_header(name) or "") for name in KEPT_HEADERS
        ]
        for place, value in places:
            if has_bare_card_number(value):
                raise _refusal([place])


def refuse_card_numbers(document: Any, where: str = "") -> None:
    """Raises Problem 422 that names the fields of `document` with a card number, never what they
    hold.
    """
    found = card_fields(document)
    if found:
        raise _refusal([where + (path[:80] or "body") for path in found[:10]])


def _refusal(places: list[str]) -> Problem:
    fields = [
        {"field": place, "message": "contains a card number; a token is accepted; remove it"}
        for place in places
    ]
    return Problem(
        "card_number_refused", f"Card number found in: {', '.join(places)}. {ADVICE}", fields
    )
