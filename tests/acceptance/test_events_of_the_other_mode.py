"""Test mode and live mode never mix: an event of the other mode is stored, refused, and changes
nothing.

A Connect endpoint in live mode receives events of both modes (docs.stripe.com/connect/webhooks).
"""

import pytest

from actions.books.receive_event import replay_event
from actions.contact.gate_facts import books_of
from jobs.deliver_webhook import deliver_webhook
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob
from models.feed.emit import emit
from models.feed.webhook_delivery import WebhookDelivery
from models.payments.payment import Payment
from models.transactions import transaction
from rules.stripe_mode import mode_of_key, refuse_mode
from runtime.clock import real_now
from tests import given
from tests.running.processes import reset_process

pytestmark = pytest.mark.one_database

LIVE, TEST = "sk_live_of_this_installation", "sk_test_payphone"
DOORS = [
    ("/api/webhooks/stripe", given.WEBHOOK_SECRET, {}),
    ("/api/webhooks/stripe/connect", "whsec_connect", {"account": "acct_1"}),
]
EVENTS = ("payment_intent.succeeded", "charge.dispute.created", "refund.created")


@pytest.fixture
def keyed(monkeypatch):
    def use(key):
        monkeypatch.setenv("STRIPE_SECRET_KEY", key)
        reset_process()

    yield use
    reset_process()


def an_event_about(invoice, kind, **values):
    intent = given.an_intent(invoice)
    subject = {
        "payment_intent.succeeded": intent,
        "charge.dispute.created": {
            "id": "dp_1",
            "object": "dispute",
            "payment_intent": intent["id"],
            "metadata": {},
        },
        "refund.created": given.a_refund(intent, 500),
    }[kind]
    return given.an_event(kind, subject, **values)


def nothing_happened(invoice):
    """Assert that the books have not changed, that contact is not held, and that no job waits."""
    now = given.fresh(invoice)
    assert (now.status, now.amount_received, now.disputed) == ("sent", 0, False)
    assert (Payment.select().count(), StagedJob.select().count()) == (0, 0)
    assert AuditEntry.select().count() == 0
    assert books_of(invoice, real_now()) == "current"


@pytest.mark.parametrize(("key", "livemode"), [(LIVE, True), (TEST, False)])
def test_accounts_events_and_webhooks_show_livemode(client, receiver, keyed, key, livemode):
    keyed(key)
    account = given.an_account()
    headers = given.a_key(account)
    body = {"url": receiver.url}
    made = client.simulate_post("/api/webhook-endpoints", json=body, headers=headers).json
    receiver.secret = made["secret"]
    with transaction():
        emit(account.id, "invoice.paid", {"invoiceId": "inv_1"})
    deliver_webhook.perform(WebhookDelivery.get().id)
    shown = client.simulate_get(f"/api/accounts/{account.id}", headers=headers).json
    (listed,) = client.simulate_get("/api/events", headers=headers).json["data"]
    told = [shown, listed, *receiver.events]
    assert [document["livemode"] for document in told] == [livemode] * 3


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("key", "livemode", "why"),
    [(LIVE, False, "test-mode event, live key"), (TEST, True, "live-mode event, test key")],
)
def test_an_event_of_the_other_mode_is_stored_as_refused_and_changes_nothing(
    client, keyed, kind, door, key, livemode, why
):
    """Given an invoice of this Stripe account, when an event of the other mode names it, then
    Stripe is answered 200, so that it does not send it again, and nothing else happens.
    """
    keyed(key)
    path, secret, of = door
    account = given.an_account(stripe_account=of.get("account"))
    invoice = given.an_invoice(account)
    event = an_event_about(invoice, kind, livemode=livemode, **of)
    assert client.simulate_post(path, **given.signed(event, secret)).status_code == 200
    row = InboxEvent.get()
    assert (row.outcome, row.reason, row.invoice_id) == ("refused", why, None)
    assert row.processed_at is not None
    nothing_happened(invoice)


def test_an_event_of_our_own_mode_is_applied(client, valkey, keyed):
    keyed(LIVE)
    invoice = given.an_invoice()
    event = an_event_about(invoice, EVENTS[0], livemode=True)
    answer = client.simulate_post("/api/webhooks/stripe", **given.signed(event))
    given.worked(valkey.client())
    assert (answer.status_code, given.fresh(invoice).status) == (200, "paid")


def test_replaying_a_refused_event_works_only_with_a_key_of_its_mode(client, valkey, keyed):
    """Given an event refused because a live key was missing, when it is replayed, then it is
    refused again until the key is the right one.
    """
    invoice = given.an_invoice()
    inbox_id = given.received(an_event_about(invoice, EVENTS[0], livemode=True))
    for key, outcome in ((TEST, "refused"), (LIVE, "applied")):
        keyed(key)
        assert replay_event(inbox_id, "test")
        given.retried(valkey.client(), rounds=1)
        assert InboxEvent.get().outcome == outcome
    assert given.fresh(invoice).status == "paid"


def test_an_event_waiting_when_the_key_changes_mode_is_refused(client, valkey, keyed):
    invoice = given.an_invoice()
    given.received(an_event_about(invoice, EVENTS[0], livemode=False))
    keyed(LIVE)
    given.worked(valkey.client())
    assert (InboxEvent.get().reason, given.fresh(invoice).status) == (
        "test-mode event, live key",
        "sent",
    )
    assert given.states() == {"done": 1}


def test_the_backfill_refuses_events_of_the_other_mode(client, valkey, stand_in):
    """Given a live event in Stripe's list while our key is for test mode, then the backfill refuses
    it, and nothing is paid.
    """
    invoice = given.an_invoice()
    stand_in.charge(invoice)
    with stand_in.sandbox.shared.lock:
        for event in stand_in.sandbox.stripe.platform.tables["event"].values():
            event["livemode"] = True
    with transaction():
        stage("backfill_stripe_events", "test")
    for queue in ("periodic", "periodic", "webhooks"):
        given.retried(valkey.client(), queue, 1)
    assert {(row.outcome, row.reason) for row in InboxEvent.select()} == {
        ("refused", "live-mode event, test key")
    }
    assert given.fresh(invoice).status == "sent"


@pytest.mark.parametrize("odd", [None, "false", 0, 1, "live", [], "left out"])
def test_an_event_without_a_mode_is_refused_unless_its_object_has_one(client, keyed, odd):
    """Given an event that does not say its mode, then its object decides; if that does not either,
    then the event is refused and shown.
    """
    keyed(LIVE)
    invoice = given.an_invoice()
    event = an_event_about(invoice, EVENTS[0], livemode=odd)
    if odd == "left out":
        del event["livemode"]
    assert client.simulate_post("/api/webhooks/stripe", **given.signed(event)).status_code == 200
    row = InboxEvent.get()
    assert (row.outcome, row.reason) == (
        "refused",
        "it does not say whether it is of live or of test mode, live key",
    )
    nothing_happened(invoice)
    event["data"]["object"]["livemode"] = True
    assert refuse_mode(event, LIVE) == ""
    assert refuse_mode(event, TEST) == "live-mode event, test key"


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("sk_test_1", "test"),
        ("sk_live_1", "live"),
        ("rk_live_1", "live"),
        ("rk_test_1", "test"),
        ("pk_live_1", "live"),
        ("sk_org_live_1", "live"),
        ("whsec_live_1", ""),
        ("", ""),
    ],
)
def test_the_mode_of_a_key_is_in_its_prefix(key, mode):
    assert mode_of_key(key) == mode
