"""Refuses card numbers: in a path, a query, a header that we store, or any field of a body.

This runs before anything that stores or echoes its input: the digest of a body, the log, the detail
of a problem.
"""

from typing import Any

import falcon

from rules.cards.card_documents import card_fields
from rules.cards.card_numbers import has_bare_card_number
from web.http.guards.auth import caller_of
from web.http.problems import Problem
from web.http.routing import needs_key

# their values, up to this length, are stored or echoed in an answer
KEPT_HEADERS = ("Idempotency-Key", "Payphone-Account")
KEPT_LENGTH = 300
MOST_FIELDS = 10
API = "/api/"
ADVICE = "Card numbers are never accepted here: use a payment link or Stripe's own form."


class CardGuard:
    """Checks each request before its responder runs.

    If an API endpoint needs a key, its query is checked only after authentication: the search costs
    more than an unauthenticated request should.
    """

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse card numbers in the path, stored headers and pages' queries. Raises Problem
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
        """Refuse card numbers in the query of an API request. Raises Problem 401 or 422."""
        if not req.path.startswith(API):
            return
        if needs_key(req, resource):
            caller_of(req)
        refuse_card_numbers(req.params, "query ")


def refuse_card_numbers(document: Any, where: str = "") -> None:
    """Raises Problem 422, naming the fields of `document` with a card number but no value."""
    found = document and card_fields(document, at_most=MOST_FIELDS)
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
