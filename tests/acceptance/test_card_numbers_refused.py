"""Card numbers are refused at every API endpoint, and redacted in what providers send (F55)."""

import io
import json
import logging
import re

import pytest
import structlog

from models.books.inbox_event import InboxEvent
from models.delivery.idempotency_key import IdempotencyKey
from models.invoices.customer import Customer
from models.payments.payment import Payment
from rules.cards.card_numbers import REDACTED, redact
from runtime.log import MaskingFormatter, configure_log
from tests import given

CARD = "4242 4242 4242 4242"


@pytest.fixture
def key(client):
    return given.a_key(given.an_account())


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": CARD}, "name"),
        ({"name": "Ada", "address": {"line1": f"at {CARD}"}}, "address.line1"),
        ({"name": "Ada", "externalId": "4242424242424242"}, "externalId"),
        ({"name": "Ada", "phone": "4242424242424242"}, "phone"),
        ({"name": "Ada", "unknown": [{"deep": 4242424242424242}]}, "unknown.0.deep"),
        ({"name": "Ada", "language": 4242424242424242.0}, "language"),
        ({"name": "Ada", CARD: 1}, "(a field's name)"),
        ([CARD], "0"),
        (CARD, "body"),
        ({"name": "Ada", "notes": "\u0664\u0662\u0664\u0662" * 4}, "notes"),
        ({"name": [4242, 4242, 4242, 4242]}, "name"),
    ],
)
def test_a_card_number_in_a_body_is_refused_by_field_and_never_repeated(client, key, body, field):
    answer = client.simulate_post(
        "/api/customers",
        headers=key | {"Idempotency-Key": "once"},
        body=json.dumps(body, ensure_ascii=False).encode(),
    )
    assert (answer.status_code, answer.json["code"]) == (422, "card_number_refused")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert "4242" not in answer.text.replace(" ", "").replace("-", "")
    assert (Customer.select().count(), IdempotencyKey.select().count()) == (0, 0)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        (f"/api/customers/{CARD}", {}, {}),
        ("/api/customers/4242-4242-4242-4242", {}, {}),
        ("/api/payments", {"invoiceId": "4242424242424242"}, {}),
        ("/api/payments", {"4242424242424242": "1"}, {}),
        ("/api/payments", {}, {"Idempotency-Key": "4242424242424242"}),
        ("/api/payments", {}, {"Payphone-Account": CARD}),
        ("/p/4242424242424242", {}, {}),
        ("/login", {"next": f"/{CARD}"}, {}),
    ],
)
def test_a_card_number_in_a_url_or_stored_header_is_refused(client, key, path, query, headers):
    answer = client.simulate_get(path, params=query, headers=key | headers)
    assert (answer.status_code, answer.json["code"]) == (422, "card_number_refused")
    assert "4242" not in answer.text


def test_a_request_id_that_is_a_card_number_is_replaced(client):
    assert (
        client.simulate_get("/healthz", headers={"X-Request-Id": "4242424242424242"})
        .headers["x-request-id"]
        .startswith("req_")
    )
    assert (
        client.simulate_get("/healthz", headers={"X-Request-Id": "trace-1"}).headers["x-request-id"]
        == "trace-1"
    )


def test_phones_times_amounts_and_ids_are_not_mistaken_for_card_numbers(client, key):
    """+49 151 2345 6787 has a Visa's prefix and length, and passes Luhn."""
    made = client.simulate_post(
        "/api/customers",
        headers=key,
        json={"name": "Ada", "phone": "+4915123456787", "externalId": "PMS-00042"},
    )
    assert made.status_code == 201, made.text
    wanted = {
        "customerId": made.json["id"],
        "number": "2026-000123",
        "amountDue": 99_999_999,
        "currency": "usd",
        "dueDate": "2026-12-31",
    }
    invoice = client.simulate_post(
        "/api/invoices",
        headers=key | {"Idempotency-Key": "6f9619ff-8b86-4011-b42d-00c04fc964ff"},
        json=wanted,
    )
    assert invoice.status_code == 201, invoice.text
    since = {"updatedSince": "2026-01-01T00:00:00.123456Z", "startingAfter": invoice.json["id"]}
    assert client.simulate_get("/api/invoices", headers=key, params=since).status_code == 200


def test_a_signed_event_is_stored_without_its_card_number_and_still_pays(client, valkey):
    invoice = given.an_invoice()
    intent = given.an_intent(invoice, description=f"paid by {CARD}") | {
        "metadata": given.metadata_of(invoice) | {"note": "4242424242424242"}
    }
    event = given.an_event("payment_intent.succeeded", intent)
    assert client.simulate_post("/api/webhooks/stripe", **given.signed(event)).status_code == 200
    kept = json.loads(InboxEvent.get().payload)
    assert kept["data"]["object"] == intent | {
        "description": f"paid by {REDACTED}",
        "metadata": intent["metadata"] | {"note": REDACTED},
    }
    given.worked(valkey.client())
    assert (given.fresh(invoice).status, Payment.get().intent_id) == ("paid", intent["id"])


def test_card_numbers_are_masked_in_every_part_of_a_log_line(capsys):
    before = structlog.get_config()
    try:
        configure_log("json", "DEBUG", mask=redact)
        log = structlog.get_logger()
        try:
            {}[f"Key (number)=({CARD}) already exists"]
        except KeyError:
            log.exception(
                "failed",
                path="/x/4242424242424242",
                amount=4242424242424242,
                deep={"a": [CARD]},
                fine=12_500,
            )
        line = capsys.readouterr().err
    finally:
        structlog.configure(**before)
    assert "4242" not in re.sub(r"T[\d:.]+Z", "", line)
    assert line.count(REDACTED) == 4
    assert json.loads(line.splitlines()[-1])["fine"] == 12_500


def test_log_lines_of_other_loggers_are_masked_too():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(redact))
    logger = logging.Logger("other")
    logger.addHandler(handler)
    logger.warning("Invalid request line: %s, key sk_live_abcdefgh", CARD)
    assert stream.getvalue() == f"WARNING other Invalid request line: {REDACTED}, key ***\n"


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"name": NaN}',
        b'{"\\u0000": 1}',
        b'["\\ud800"]',
    ],
)
def test_text_a_database_cannot_store_is_refused(client, key, body):
    """PostgreSQL stores no NUL in text, and half a surrogate pair is not valid UTF-8."""
    assert client.simulate_post("/api/customers", headers=key, body=body).status_code == 400
