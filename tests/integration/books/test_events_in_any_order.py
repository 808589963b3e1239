"""In whatever order and number Stripe's events arrive, the rows agree in the end with the ledger
that sent them (F15, fault 27).
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.process_stripe_event import process_stripe_event
from models.books.inbox_event import InboxEvent
from models.payments.payment import Payment
from models.payments.refund import Refund
from models.transactions import transaction
from providers.stripe import client as stripe_api
from runtime.clock import real_now
from runtime.settings import get_settings
from tests import given as story
from tests.samples.histories import History, histories, shuffled

DUE = 10_000


class Ledger:
    """Stands in for Stripe: returns an intent's refunds and a dispute as a History has them."""

    def __init__(self):
        self.history = History({}, 0, "usd")
        ledger = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked = urlsplit(self.path)
                body = json.dumps(ledger.answer(asked.path, parse_qs(asked.query))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, query):
        if path.startswith("/v1/disputes/"):
            return self.history.dispute(path.rsplit("/", 1)[1])
        return {
            "object": "list",
            "url": path,
            "has_more": False,
            "data": self.history.refunds_of(query["payment_intent"][0]),
        }


@pytest.fixture
def ledger(database_url, valkey, monkeypatch):
    ledger = Ledger()
    monkeypatch.setenv("STRIPE_API_BASE", ledger.url)
    monkeypatch.setenv("PAYPHONE_PROVIDER_TIMEOUT", "60")  # the machine might be busy
    get_settings.cache_clear()
    stripe_api.client.cache_clear()
    yield ledger
    ledger.server.shutdown()
    ledger.server.server_close()
    stripe_api.client.cache_clear()


def take_in(event):
    """Do what intake and a worker do: keep the event once per id, process it, and process it
    again.
    """
    with transaction():
        inbox_id = InboxEvent.receive(
            "stripe", "", event["id"], event["type"], json.dumps(event), real_now()
        )
    if inbox_id is not None:
        process_stripe_event.perform(inbox_id)
        process_stripe_event.perform(inbox_id)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_events_in_any_order_and_repeated_end_in_agreement_with_the_ledger(ledger, data):
    invoice = story.an_invoice(amount=DUE)
    history = data.draw(histories(story.metadata_of(invoice), DUE))
    ledger.history = history
    for event in data.draw(shuffled(history)):
        take_in(event)
    assert_agrees(story.fresh(invoice), history)


def assert_agrees(row, history):
    """Assert that every row agrees with the ledger."""
    assert (row.amount_received, row.amount_returned, row.amount_paid) == (
        history.received,
        history.returned,
        history.received - history.returned,
    )
    assert (row.mismatched, row.disputed) == (history.mismatched, history.disputed)
    covered = row.amount_paid >= DUE
    assert (row.status, row.outstanding) == (
        "paid" if covered else "sent",
        max(0, DUE - row.amount_paid),
    )
    assert row.overpaid == max(0, row.amount_paid - DUE)
    payments = {
        payment.intent_id: payment for payment in Payment.select().where(Payment.invoice == row)
    }
    assert payments.keys() == {intent.object["id"] for intent in history.intents}
    for intent in history.intents:
        assert_payment_agrees(payments[intent.object["id"]], intent)


def assert_payment_agrees(payment, intent):
    said = intent.object
    assert (payment.amount, payment.amount_received, payment.currency) == (
        said["amount"],
        said["amount_received"],
        said["currency"],
    )
    assert {charge: tuple(state) for charge, state in payment.charges.items()} == intent.charges
    expected = (
        said["status"]
        if said["status"] in {"succeeded", "canceled", "processing"}
        else "failed"
        if intent.charges
        else "pending"
    )
    assert payment.status == expected
    rows = {
        row.refund_id: (row.amount, row.status, row.failure_reason)
        for row in Refund.select().where(Refund.intent_id == said["id"])
    }
    assert rows == {
        refund["id"]: (refund["amount"], refund["status"], refund["failure_reason"])
        for refund in intent.refunds.values()
    }
