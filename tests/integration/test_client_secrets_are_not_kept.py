"""No row keeps a client secret of Stripe's, however its event arrived and whichever release stored
it.
"""

import json

import pytest

from actions.books.receive_event import replay_event
from jobs.delete_expired_rows import delete_expired_rows
from models.books.inbox_event import SUSPECT, InboxEvent
from models.delivery.stage import stage
from models.migrate import _runner, migrate, pending
from models.transactions import database, execute, is_postgres, transaction
from rules.client_secrets import REMOVED
from runtime.clock import real_now
from tests import given
from tests.tables import TABLES

MIGRATION = "0018_no_client_secrets"
SECRET = "pi_3Mtw_secret_YrKJUKribcBjcG8HVhfZluoGH"


def an_intent(invoice):
    """Return an intent that waits for the payer's bank
    (docs.stripe.com/api/payment_intents/object).
    """
    hosted = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent_client_secret={SECRET}"
    return given.an_intent(
        invoice,
        "requires_action",
        client_secret=SECRET,
        next_action={"type": "redirect_to_url", "redirect_to_url": {"url": hosted}},
    )


def everything_kept():
    return "".join(str(row) for table in TABLES for row in table.select().tuples())


def test_a_client_secret_in_a_webhook_is_not_stored(client, valkey):
    invoice = given.an_invoice()
    event = given.an_event("payment_intent.requires_action", an_intent(invoice))
    assert client.simulate_post("/api/webhooks/stripe", **given.signed(event)).status_code == 200
    given.worked(valkey.client())
    kept = json.loads(InboxEvent.get().payload)
    assert kept["data"]["object"]["client_secret"] == REMOVED
    assert kept == json.loads(json.dumps(event).replace(SECRET, REMOVED))
    assert "_secret_" not in everything_kept()


def test_a_client_secret_in_a_backfill_is_not_stored(client, valkey, stand_in):
    """Given payments at Stripe whose events were missed, then a backfill stores no secret."""
    invoice = given.an_invoice()
    stand_in.charge(invoice)
    stand_in.sdk.payment_intents.create({"amount": 500, "currency": "usd"})
    told = [event["data"]["object"] for event in stand_in.events()]
    assert any("_secret_" in str(subject.get("client_secret")) for subject in told)
    with transaction():
        stage("backfill_stripe_events", "test")
    for queue in ("periodic", "periodic", "webhooks"):
        given.retried(valkey.client(), queue, 1)
    assert given.fresh(invoice).status == "paid"
    assert "_secret_" not in everything_kept()


def test_a_client_secret_of_our_own_payment_is_not_stored(clinic):
    """Given an intent for a payment page, and a card charged by the server, then the page gets the
    secret, and no effect, answer or event keeps it.
    """
    answer = clinic.intent()
    assert "_secret_" in answer.json["clientSecret"]
    clinic.phone("pm_card_visa", amount=500)
    assert "_secret_" not in everything_kept()


@pytest.mark.parametrize("rows", [1, 450])  # 450 is more than a batch
def test_the_migration_removes_stored_client_secrets(database_url, rows):
    """Given events stored with secrets by an older release, then the migration removes the secrets
    and nothing else.
    """
    while MIGRATION not in pending():
        _runner().down()
    event = json.dumps({"data": {"object": {"id": "pi_1", "client_secret": SECRET, "amount": 5}}})
    for number in range(rows):
        an_old_event(number, event)
    an_old_event("plain", '{"data":  {"object": {}}}')
    an_old_event("text", "Body=the+word+secret", "twilio")
    migrate()
    kept = {row.event_id: row.payload for row in InboxEvent.select()}
    assert kept.pop("plain") == '{"data":  {"object": {}}}'
    assert kept.pop("text") == "Body=the+word+secret"
    assert set(kept.values()) == {event.replace(SECRET, REMOVED)}


def an_old_event(number, payload, provider="stripe"):
    execute(
        "INSERT INTO inbox_event (provider, account, event_id, type, payload, received_at)"
        " VALUES (?, '', ?, 'payment_intent.created', ?, 1)",
        (provider, str(number), payload),
    )


def test_an_events_job_removes_a_client_secret_stored_by_the_previous_release(database_url, valkey):
    """Given an event that the previous release stored during the upgrade, then its job removes the
    secret.
    """
    invoice = given.an_invoice()
    inbox_id = given.received(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
    said = json.dumps(given.an_event("payment_intent.succeeded", an_intent(invoice)))
    InboxEvent.update(payload=said).where(InboxEvent.id == inbox_id).execute()
    given.worked(valkey.client())
    assert InboxEvent.get().outcome is not None
    assert "_secret_" not in everything_kept()
    assert replay_event(inbox_id, "test")
    assert not database.in_transaction()


def test_the_hourly_job_removes_client_secrets_of_processed_events(
    database_url,
):
    """Given events that the previous release stored and processed during the upgrade, then the
    hourly job removes their secrets, and an index finds them.
    """
    event = json.dumps({"data": {"object": {"id": "pi_1", "client_secret": SECRET, "amount": 5}}})
    for number in range(3):
        an_old_event(number, event)
    an_old_event("plain", '{"data":  {"object": {}}}')
    an_old_event("none", '{"data": {"object": {"description": "THE_secret_GARDEN"}}}')
    an_old_event("text", "Body=pi_1_secret_2&To=x", "twilio")
    InboxEvent.update(outcome="applied", processed_at=real_now()).execute()
    delete_expired_rows.perform()
    kept = {row.event_id: row.payload for row in InboxEvent.select()}
    assert kept.pop("plain") == '{"data":  {"object": {}}}'
    assert "THE_secret_GARDEN" in kept.pop("none")
    assert kept.pop("text") == f"Body={REMOVED}&To=x"
    assert set(kept.values()) == {event.replace(SECRET, REMOVED)}
    explain = "EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN "
    if is_postgres():
        execute("SET enable_seqscan = off")  # with so few rows it would scan them
    asked = (
        f"{explain}SELECT id FROM inbox_event WHERE {SUSPECT} ORDER BY received_at DESC LIMIT 10"
    )
    assert "inbox_event_secret" in str(execute(asked).fetchall())
