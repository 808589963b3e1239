"""Bodies over the cap, chunked or not, and malformed bodies, over a real socket (faults 34, 35)."""

import json
import socket

import httpx
import pytest

from models.books.inbox_event import InboxEvent
from models.delivery.staged_job import StagedJob
from tests import given
from tests.faults.town import request
from web.http.body import CAP

pytestmark = pytest.mark.one_database

WEBHOOK = "/api/webhooks/stripe"


def raw(port, head, chunks=(), timeout=120):
    """Send raw bytes; return the status and the whole answer, or None and nothing. The server may
    hang up early.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        sock.sendall(head.replace("\n", "\r\n").encode())
        try:
            for chunk in chunks:
                sock.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while data := sock.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
    return int(answer.split(b" ", 2)[1]) if answer else None, answer


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_body_over_the_cap_is_answered_413(town):
    """Given a body over the cap, then the answer is 413 before it is read, however its length is
    declared; a body of exactly the cap is read.
    """
    town.web()
    head = f"POST {WEBHOOK} HTTP/1.1\nHost: x\nConnection: close\n"
    status, answer = raw(town.port, f"{head}Content-Length: {200 * CAP}\n\n")
    assert (status, b"body_too_large" in answer) == (413, True)
    status, answer = raw(town.port, f"{head}Content-Length: {CAP + 1}\n\n", [b"x" * (CAP + 1)])
    assert status == 413
    status, answer = raw(
        town.port,
        f"{head}Transfer-Encoding: chunked\n\n",
        [chunk(b"x" * 65536)] * 17 + [b"0\r\n\r\n"],
    )
    assert status == 413
    endless = (chunk(b"x" * 65536) for _ in range(4_000))
    status, answer = raw(town.port, f"{head}Transfer-Encoding: chunked\n\n", endless)
    assert status in {413, None}, "an endless body is cut off"
    status, answer = raw(town.port, f"{head}Content-Length: {CAP}\n\n", [b"x" * CAP])
    assert (status, b"bad_signature" in answer) == (400, True)
    assert town.get("/healthz")[0] == 200
    assert InboxEvent.select().count() == 0


def test_a_413_announces_that_the_connection_closes(town):
    """Given a keep-alive connection, when a body is over the cap, then the 413 says that the
    connection closes; other answers keep it open.
    """
    town.web()
    head = f"POST {WEBHOOK} HTTP/1.1\nHost: x\n"
    for text, chunks in (
        (f"{head}Content-Length: {CAP + 1}\n\n", [b"x" * (CAP + 1)]),
        (f"{head}Content-Length: {CAP + 1}\n\n", []),
        (f"{head}Transfer-Encoding: chunked\n\n", [chunk(b"x" * 65536)] * 17 + [b"0\r\n\r\n"]),
    ):
        status, answer = raw(town.port, text, chunks)
        assert (status, b"connection: close" in answer.lower(), b"keep-alive" in answer) == (
            413,
            True,
            False,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{town.port}", timeout=120) as kept:
        for _ in range(2):
            assert kept.post(WEBHOOK, content=b"{}").headers["connection"] == "keep-alive"
            refused = kept.post(WEBHOOK, content=b"x" * (3 * CAP))
            assert (refused.status_code, refused.headers["connection"]) == (413, "close")


def test_an_event_in_chunks_is_accepted(town):
    town.web()
    arguments = given.signed(given.an_event("plan.created", {"id": "plan_1"}))
    signature, body = arguments["headers"]["Stripe-Signature"], arguments["body"]
    head = (
        f"POST {WEBHOOK} HTTP/1.1\nHost: x\nConnection: close\nStripe-Signature:"
        f" {signature}\nTransfer-Encoding: chunked\n\n"
    )
    status, _ = raw(town.port, head, [chunk(body[:10]), chunk(body[10:]), b"0\r\n\r\n"])
    assert (status, InboxEvent.select().count()) == (200, 1)


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_message_of_a_long_call_is_read_whole(town, in_chunks):
    """Given a message of Vapi's that is longer than any other body may be, in chunks or not, then
    it is read to its end.
    """
    town.web(VAPI_WEBHOOK_SECRET="of-the-assistant")
    asked = {"id": "call_1", "function": {"name": "unknown", "arguments": {}}}
    said = {"role": "user", "message": "x" * (2 * CAP)}
    message = {"type": "tool-calls", "call": {"id": "c"}, "messages": [said]}
    body = json.dumps({"message": message | {"toolCallList": [asked]}}).encode()
    length = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(body)}"
    head = "POST /api/vapi/tools HTTP/1.1\nHost: x\nConnection: close\nX-Vapi-Secret:"
    chunks = [chunk(body[:CAP]), chunk(body[CAP:]), b"0\r\n\r\n"] if in_chunks else [body]
    status, answer = raw(town.port, f"{head} of-the-assistant\n{length}\n\n", chunks)
    assert (status, b"call_1" in answer) == (200, True)


def test_malformed_requests_are_answered_4xx_or_cut_off(town):
    """Given malformed requests, then each is answered with 4xx or cut off, and nothing is
    stored.
    """
    town.web()
    head = f"POST {WEBHOOK} HTTP/1.1\nHost: x\nConnection: close\n"
    broken = {
        "a chunk size that is no number": (
            f"{head}Transfer-Encoding: chunked\n\n",
            [b"zz\r\nabc\r\n0\r\n\r\n"],
        ),
        "a chunk that ends too soon": (
            f"{head}Transfer-Encoding: chunked\n\n",
            [b"5\r\nabc\r\n0\r\n\r\n"],
        ),
        "two lengths": (f"{head}Content-Length: 3\nContent-Length: 4\n\n", [b"abcd"]),
        "a length and chunks": (
            f"{head}Content-Length: 3\nTransfer-Encoding: chunked\n\n",
            [chunk(b"abc"), b"0\r\n\r\n"],
        ),
        "a length below zero": (f"{head}Content-Length: -1\n\n", []),
        "no request at all": ("HELLO\n\n", []),
    }
    for name, (text, chunks) in broken.items():
        status, answer = raw(town.port, text, chunks)
        assert status is None or 400 <= status < 500, f"{name}: {answer[:200]!r}"
    assert town.get("/healthz")[0] == 200
    assert InboxEvent.select().count() == StagedJob.select().count() == 0


JUNK = {
    "not JSON": b"{nope",
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "just too deep": b'{"name": ' + b"[" * 960 + b"]" * 960 + b"}",
    "not so deep": b'{"name": ' + b"[" * 300 + b"]" * 300 + b"}",
    "a list": b"[]",
    "a number": b"12",
    "null": b"null",
    "NaN": b'{"name": NaN}',
    "infinity": (
        b'{"customerId": "x", "number": "1", "amountDue": Infinity, "currency": "usd", "dueDate":'
        b' "2026-12-01"}'
    ),
    "a huge integer": b'{"customerId": "x", "number": "1", "amountDue": ' + b"9" * 5_000 + b"}",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a NUL": b'{"name": "a\\u0000b"}',
    "a lone surrogate as a field": b'{"name": "Ada", "\\ud800": 1}',
    "a BOM": b'\xef\xbb\xbf{"name": "Ada"}',
    "UTF-16": '{"name": "Ada"}'.encode("utf-16"),
}


@pytest.mark.parametrize("path", ["/api/customers", "/api/invoices"])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k1"}], ids=["plain", "with a key"])
def test_an_invalid_api_body_is_answered_with_a_4xx_problem(client, path, key):
    headers = given.a_key(given.an_account()) | key
    for name, junk in JUNK.items():
        answer = client.simulate_post(path, body=junk, headers=headers)
        assert answer.status_code in {400, 422}, f"{name}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text


def test_a_signed_body_that_is_no_event_is_refused_and_not_stored(client):
    """Given a valid signature over bytes that are not an event, then the answer is 400, and nothing
    is stored.
    """
    for name, junk in JUNK.items():
        assert (
            client.simulate_post(WEBHOOK, body=junk, headers=given.signed_bytes(junk)).status_code
            == 400
        ), name
    assert InboxEvent.select().count() == StagedJob.select().count() == 0


def nested(depth, inner='"\\u00e9"'):
    """Return an object with nested lists, `depth` levels in all, and `inner` in the innermost."""
    return '{"name": ' + "[" * (depth - 1) + inner + "]" * (depth - 1) + "}"


@pytest.mark.parametrize("depth", [65, 500, 960, 981, 990, 5_000])
def test_a_body_that_nests_too_deep_is_refused_with_the_limit(client, depth):
    for inner in ('"\\u00e9"', '"4242 4242 4242 4242"', '"0000000000000000"'):
        answer = client.simulate_post(
            "/api/customers", body=nested(depth, inner), headers=given.a_key(given.an_account())
        )
        assert (answer.status_code, answer.json["detail"]) == (
            400,
            "The JSON nests more than 64 levels deep.",
        )


def test_a_body_nested_to_the_limit_is_read(client):
    answer = client.simulate_post(
        "/api/customers", body=nested(64), headers=given.a_key(given.an_account())
    )
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


@pytest.mark.parametrize("depth", [70, 500, 700, 960, 980, 1_500])
@pytest.mark.parametrize(
    "inner", ['"\\u00e9"', '"é"', '"4242 4242 4242 4242"', '"12 34 56 78 90 12 34 56"']
)
def test_a_signed_event_that_nests_too_deep_is_refused_and_not_stored(client, depth, inner):
    """Given a signed event that nests too deep to be searched for card numbers, then the answer is
    400, not 500.
    """
    event = json.dumps(given.an_event("plan.created", {"id": "plan_1", "metadata": "@"})).replace(
        '"@"', nested(depth - 3, inner)
    )
    answer = client.simulate_post(WEBHOOK, **given.signed(event))
    assert (answer.status_code, "64 levels" in answer.json["detail"]) == (400, True)
    assert InboxEvent.select().count() == StagedJob.select().count() == 0


def test_a_signed_event_nested_to_the_limit_is_stored_without_its_card_number(client):
    event = json.dumps(given.an_event("plan.created", {"id": "plan_1", "metadata": "@"})).replace(
        '"@"', nested(61, '"4242 4242 4242 4242"')
    )
    assert client.simulate_post(WEBHOOK, **given.signed(event)).status_code == 200
    assert "4242 4242" not in InboxEvent.get().payload


def test_a_signed_event_with_unstorable_text_in_an_indexed_field_is_refused(client):
    """Given text that no database stores in a field that we index, then the answer is 400, not 500,
    after which Stripe would send the event for days.
    """
    for field in ("id", "type", "account"):
        for value in ("a\\u0000b", "\\ud800"):
            path, secret = (
                (f"{WEBHOOK}/connect", "whsec_connect")
                if field == "account"
                else (WEBHOOK, given.WEBHOOK_SECRET)
            )
            event = json.dumps(
                given.an_event("plan.created", {"id": "plan_1"}) | {field: "@"}
            ).replace("@", value)
            assert client.simulate_post(path, **given.signed(event, secret)).status_code == 400, (
                field,
                value,
            )
    assert InboxEvent.select().count() == 0


def test_a_signed_event_with_unstorable_text_in_its_payload_is_stored(client):
    """Given such text in the payload, then the event is stored word for word, escapes included:
    what a customer typed must not cost a payment.
    """
    event = json.dumps(given.an_event("plan.created", {"id": "plan_1", "name": "@"})).replace(
        "@", "a\\u0000b\\ud800"
    )
    assert client.simulate_post(WEBHOOK, **given.signed(event)).status_code == 200
    assert InboxEvent.get().payload == event


def test_a_nul_in_a_url_causes_no_server_error(client):
    headers = given.a_key(given.an_account())
    for path in (
        "/api/customers/%00",
        "/api/invoices/a%00b",
        "/api/invoices?startingAfter=%00",
        "/api/invoices?status=%00&customerId=%00",
    ):
        assert client.simulate_get(path, headers=headers).status_code in {200, 400, 404, 422}, path


def test_the_web_still_answers_after_invalid_bodies(town):
    """Given a body of each kind sent to one real server, then it still answers a valid request."""
    town.web()
    key = given.a_key(given.an_account())
    for body in JUNK.values():
        assert request(town.port, "POST", "/api/customers", body, key)[0] in {400, 422}
    assert request(town.port, "POST", "/api/customers", b'{"name": "Ada"}', key)[0] == 201
