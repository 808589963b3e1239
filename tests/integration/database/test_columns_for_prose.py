"""Migration 0014 copies what older releases kept in payloads, or in the wrong column, to its own
columns.
"""

import json

import pytest

from models.books.inbox_event import InboxEvent
from models.migrate import _runner, migrate, pending
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.transactions import database, execute
from runtime.clock import real_now
from tests import given

MIGRATION = "0014_columns_for_prose"
SUBJECTS = {
    "payment_intent.succeeded": {
        "id": "pi_1",
        "object": "payment_intent",
        "metadata": {"invoice_id": "inv_1"},
    },
    "charge.refunded": {"id": "ch_1", "object": "charge", "payment_intent": "pi_2"},
    "refund.created": {"id": "re_1", "object": "refund", "payment_intent": {"id": "pi_3"}},
    "customer.updated": {"id": "cus_1", "object": "customer", "metadata": None},
    "odd": "no object",
}
NAMES = {
    "payment_intent.succeeded": ("pi_1", "inv_1"),
    "charge.refunded": ("pi_2", ""),
    "refund.created": ("pi_3", ""),
    "customer.updated": ("", ""),
    "odd": ("", ""),
    "message.received": ("", ""),
    "broken": ("", ""),
}


@pytest.fixture
def before(database_url):
    """The database as the release before this migration left it."""
    while MIGRATION not in pending():
        _runner().down()


def an_old_event(kind: str, payload: str, provider: str = "stripe") -> None:
    execute(
        "INSERT INTO inbox_event (provider, account, event_id, type, payload, received_at)"
        " VALUES (?, '', ?, ?, ?, 1)",
        (provider, f"evt_{kind}", kind, payload),
    )


@pytest.mark.slow
def test_old_events_get_their_intent_and_invoice_columns(before):
    """Given more than one batch of an old release's events, then each gets its intent and
    invoice.
    """
    for kind, subject in SUBJECTS.items():
        an_old_event(kind, json.dumps({"data": {"object": subject}}))
    an_old_event("message.received", json.dumps({"Body": "hello"}), "twilio")
    an_old_event("broken", "no JSON")
    for number in range(600):
        an_old_event(str(number), json.dumps({"data": {"object": {"payment_intent": "pi_9"}}}))
    migrate()
    found = {row.type: (row.intent_id, row.named_invoice_id) for row in InboxEvent.select()}
    assert {kind: found[kind] for kind in NAMES} == NAMES
    assert InboxEvent.select().where(InboxEvent.intent_id == "pi_9").count() == 600


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "columns"),
    [("refused", (None, "too_late")), ("declined", ("too_late", None)), ("settled", (None, None))],
)
def test_our_own_refusal_reason_moves_out_of_the_decline_code_column(database_url, state, columns):
    """Given a charge that we refused for our own reason, then the reason is no longer a decline
    code, and the down migration restores it.
    """
    now = real_now()
    invoice = given.an_invoice()
    attempt = PaymentAttempt.plan(invoice, 100, None, "test", now)
    PaymentConfirmation.request(attempt, None, "test", now)
    while MIGRATION not in pending():
        _runner().down()
    code = None if state == "settled" else "too_late"
    execute("UPDATE payment_confirmation SET state = ?, decline_code = ?", (state, code))
    migrate()
    row = PaymentConfirmation.get()
    assert (row.decline_code, row.refusal) == columns
    assert row.code == code
    while MIGRATION not in pending():
        _runner().down()
    kept = database.execute_sql("SELECT decline_code FROM payment_confirmation").fetchone()
    assert kept == (code,)
