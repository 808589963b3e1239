"""Card numbers are refused at the door: in a path, a query, a header we keep, or any field of a
body.

It comes before everything that stores or tells: the digest of a body, the log, the answer's own
detail.
"""

from typing import Any

import falcon

from rules.cards.card_documents import card_fields
from rules.cards.card_numbers import has_bare_card_number
from web.http.guards.auth import caller_of
from web.http.problems import Problem

# what these hold is stored, or told in an answer; not what goes beyond this length
KEPT_HEADERS = ("Idempotency-Key", "Payphone-Account")
KEPT_LENGTH = 300
TOLD_FIELDS = 10
API = "/api/"
ADVICE = "Card numbers are never accepted here: use a payment link or Stripe's own form."


class CardGuard:
    """Looks at what every request has, before its responder does; at a long query only after the
    key was found to be good, where one is needed: the search costs more than a stranger's request
    should.
    """

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse a card number in the path, a header we keep or a page's query. Raises Problem
        422.
        """
        places = [("path", req.path)] + [
            (name, (req.get_header(name) or "")[:KEPT_LENGTH]) for name in KEPT_HEADERS
        ]
        for place, value in places:
            if has_bare_card_number(value):
                raise _refusal([place])
        if not req.path.startswith(API):
            refuse_card_numbers(req.params, "query ")

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        """Refuse one in the query of an API request. Raises Problem 401 or 422."""
        if not req.path.startswith(API):
            return
        responder = getattr(resource, f"on_{req.method.lower()}", None)
        if getattr(responder, "needs_key", False):
            caller_of(req)
        refuse_card_numbers(req.params, "query ")


def refuse_card_numbers(document: Any, where: str = "") -> None:
    """Raises Problem 422 that names the fields of `document` with a card number, never what they
    hold.
    """
    found = card_fields(document, at_most=TOLD_FIELDS)
    if found:
        raise _refusal([where + (path[:80] or "body") for path in found])


def _refusal(places: list[str]) -> Problem:
    fields = [
        {"field": place, "message": "contains a card number; a token is accepted; remove it"}
        for place in places
    ]
    return Problem(
        "card_number_refused", f"Card number found in: {', '.join(places)}. {ADVICE}", fields
    )
