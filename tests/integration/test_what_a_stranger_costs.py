"""What a request can cost before its key is checked, counted in instructions, so that every machine
agrees.
"""

import io
from functools import partial
from http import HTTPStatus
from itertools import product

import falcon.testing
import pytest

from tests import given
from tests.watching.counted_work import work_of
from web.app import ROUTES
from web.http.body import CAP

pytestmark = pytest.mark.one_database

METHODS = {method: f"on_{method.lower()}" for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
ROUTES_WITH_KEY = [
    (method, route)
    for route, resource in ROUTES.items()
    for method, responder in {**METHODS, "HEAD": "on_get"}.items()
    if getattr(getattr(resource, responder, None), "needs_key", False)
]
# gunicorn's limit: a request line of 8,190 bytes, and as much in each header
HEAD = 8_000
WORK = 150_000  # instructions; a plain request without a key takes some 10,000

HEADS = {
    "digits in a query": lambda size: {"query_string": "q=" + "4-" * (size // 2)},
    "card numbers in a query": lambda size: {"query_string": "q=" + "4242+" * (size // 5)},
    "unseen digits in a query": lambda size: {"query_string": "q=" + "4%E2%80%8B" * (size // 10)},
    "many fields in a query": lambda size: {"query_string": "a&" * (size // 2)},
    "one field many times": lambda size: {"query_string": "a=1&" * (size // 4)},
    "percent signs": lambda size: {"query_string": "%" * size},
    "a deep path": lambda size: {"headers": {"X-Odd": "/" * size}},
    "long kept headers": lambda size: {
        "headers": {"Idempotency-Key": "4-" * (size // 2), "Payphone-Account": "6-9-" * (size // 4)}
    },
    "many cookies": lambda size: {"headers": {"Cookie": "a=b;" * (size // 4)}},
    "one cookie many times": lambda size: {
        "headers": {"Cookie": "payphone_session=x;" * (size // 19)}
    },
    "many hops": lambda size: {"headers": {"X-Forwarded-For": "127.0.0.1," * (size // 10)}},
    "no hops": lambda size: {"headers": {"X-Forwarded-For": "," * size}},
    "a long key": lambda size: {"headers": {"Authorization": "Bearer " + "4-" * (size // 2)}},
    "what is accepted": lambda size: {"headers": {"Accept": "a/b;q=0.1," * (size // 10)}},
    "a long request id": lambda size: {"headers": {"X-Request-Id": "4-" * (size // 2)}},
}


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, _size: int | None = -1) -> bytes:
        raise AssertionError("the body was read")


def asked(client, method, route, length=0, **head):
    """Return the status of the answer to a request whose body must stay unread."""
    path = falcon.uri.encode(route.replace("{", "").replace("}", ""))
    environ = falcon.testing.create_environ(path, method=method, **head)
    environ["wsgi.input"] = Unread()
    environ["CONTENT_LENGTH"] = str(length)
    return answered(client, environ)


def posted(client, route, body, headers):
    """Return the status of the answer to a request whose body is read."""
    return answered(
        client, falcon.testing.create_environ(route, method="POST", headers=headers, body=body)
    )


def answered(client, environ):
    statuses = []
    client.app(environ, lambda status, _headers, _error=None: statuses.append(int(status[:3])))
    return statuses[0]


@pytest.mark.parametrize(
    ("method", "route"), [("GET", "/api/invoices"), ("POST", "/api/payments/phone")]
)
def test_a_long_request_head_without_a_valid_key_costs_little(client, method, route):
    """Given the longest heads the server takes, built to be expensive, when there is no key, then
    the answer costs little, and at most in proportion to the length.
    """

    def ask(head):
        return asked(client, method, route, **head)

    for kind, head in HEADS.items():
        assert ask(head(HEAD)) == HTTPStatus.UNAUTHORIZED, kind
        half, whole = (work_of(partial(ask, head(size))) for size in (HEAD // 2, HEAD))
        assert whole <= min(WORK, 2.2 * half), kind


def test_no_body_is_read_or_scanned_before_the_key_is_checked(client):
    """Given a body of the largest size and a card number in the query, when the key is missing or
    wrong, then every endpoint that needs one answers 401, and reads neither.
    """
    assert len(ROUTES_WITH_KEY) > 30
    for method, route in ROUTES_WITH_KEY:
        for headers in ({}, {"Authorization": "Bearer pp_wrong"}):
            status = asked(
                client, method, route, CAP, query_string="q=4242424242424242", headers=headers
            )
            assert status == HTTPStatus.UNAUTHORIZED, (method, route)


@pytest.mark.parametrize("route", ["/", "/login", "/p/x", "/nowhere"])
def test_a_long_request_head_on_a_page_costs_little(client, route):
    for kind, head in HEADS.items():
        asked(client, "GET", route, **head(HEAD))
        assert work_of(partial(asked, client, "GET", route, **head(HEAD))) <= 2 * WORK, kind


OPEN = sorted(
    {route for route in ROUTES if ("GET", route) not in ROUTES_WITH_KEY}
    | {"/api/openapi.json", "/api/docs", "/api/docs/problems", "/rq", "/static/payphone.css"}
)


def test_public_routes_cost_little(client):
    """The API's description is large and built only once."""
    for route in OPEN:
        asked(client, "GET", route)
        assert work_of(partial(asked, client, "GET", route)) <= WORK, route


def test_searching_the_api_docs_costs_little(client):
    asked(client, "GET", "/api/docs")
    for query in ("q=" + "a+" * 4_000, "q=refund", "q=zzz"):
        assert work_of(partial(asked, client, "GET", "/api/docs", query_string=query)) <= WORK


BODIES = {
    "digits": b"4-",
    "no fields": b"&",
    "many fields": b"a=&",
    "percent signs": b"%",
    "percent signs with digits": b"%41",
    "deep": b'{"a":',
    "a list": b"[4,",
}
# signatures and forms that are not valid; each of these reads its body at once
DOORS = {
    "/api/webhooks/stripe": {"Stripe-Signature": "t=1," + "v1=ab," * 1_300},
    "/api/webhooks/stripe/connect": {"Stripe-Signature": "t=1,v1=" + "a" * 7_000},
    "/api/webhooks/twilio/messages": {"X-Twilio-Signature": "x" * 28},
    "/api/webhooks/twilio/message-status": {"X-Twilio-Signature": "x" * 7_000},
    "/api/webhooks/twilio/voice": {"X-Twilio-Signature": "x" * 28},
    "/card/nobodys": {},
    "/login": {},
    "/logout": {},
}


@pytest.mark.parametrize(("route", "headers"), DOORS.items(), ids=DOORS)
def test_an_unsigned_body_costs_little_for_its_length(client, route, headers):
    for size, (kind, unit) in product((8_000, 60_000, CAP), BODIES.items()):
        body = (unit * size)[:size]
        assert posted(client, route, body, headers) in {303, 400, 403, 410, 413}
        work = work_of(partial(posted, client, route, body, headers))
        assert work <= WORK + 40 * min(size, 64 * 1024), kind


def test_json_with_too_many_values_is_refused(client):
    key = given.a_key(given.an_account())
    for body in ("[" + "4," * 200_000 + "4]", "[" + '{"a":[1]},' * 50_000 + "4]"):
        answer = client.simulate_post("/api/customers", headers=key, body=body)
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert answer.json["detail"] == "The JSON holds more than 10000 values."


def test_a_body_with_many_unknown_fields_gets_a_limited_number_of_errors(client):
    key = given.a_key(given.an_account())
    body = {f"unknown{number}": 1 for number in range(9_000)}
    answer = client.simulate_post("/api/customers", headers=key, json=body)
    assert (answer.status_code, len(answer.json["errors"])) == (422, 50)
