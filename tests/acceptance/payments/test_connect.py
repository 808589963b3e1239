"""Connect: a clinic's invoices are paid to its own Stripe account, and no other account's event
changes them (fault 39).
"""

import pytest

from models.books.inbox_event import InboxEvent
from models.payments.payment import Payment
from models.payments.payment_link import PaymentLink
from tests import given
from tests.stand_ins.stand_in import CONNECT_SECRET

PLATFORM, CONNECT = "/api/webhooks/stripe", "/api/webhooks/stripe/connect"


@pytest.fixture
def clinics(client, valkey, stand_in):
    """Two clinics with Stripe accounts of their own, and one paid through the platform's."""
    return [
        given.an_account(name="A", stripe_account=stand_in.open_account()),
        given.an_account(name="B", stripe_account=stand_in.open_account()),
        given.an_account(name="C"),
    ]


def test_connected_clinics_link_is_created_and_paid_in_its_own_account(
    client, valkey, stand_in, clinics
):
    """Given a connected clinic, when its link is paid, then the Connect endpoint gets the event and
    the invoice is paid.
    """
    a = clinics[0]
    invoice = given.an_invoice(a, amount=10_000)
    asked = client.simulate_post(
        f"/api/invoices/{invoice.id}/payment-links", json={}, headers=given.a_key(a)
    )
    assert asked.status_code == 202
    given.worked(valkey.client(), "messages")
    link = PaymentLink.get_by_id(asked.json["paymentLinkId"])
    assert [row["stripe_account"] for row in stand_in.links(link.id)] == [a.stripe_account]
    stand_in.follow_and_pay(link.url)
    assert set(stand_in.deliver(client, valkey.client())) == {200}
    assert {
        event.account for event in InboxEvent.select().where(InboxEvent.invoice_id.is_null(False))
    } == {a.stripe_account}
    paid = given.fresh(invoice)
    assert (paid.status, paid.amount_paid) == ("paid", 10_000)
    assert Payment.get().stripe_account == a.stripe_account


def refused(client, valkey, path, secret, event):
    """Post the event; it is accepted, then refused by its job. Return the reason."""
    assert client.simulate_post(path, **given.signed(event, secret)).status_code == 200
    given.worked(valkey.client())
    row = InboxEvent.get(InboxEvent.event_id == event["id"])
    assert row.outcome == "refused", (row.outcome, row.reason)
    assert Payment.select().count() == 0
    return row.reason


@pytest.mark.parametrize("claim", ["its own", "the owner"])
def test_event_of_one_connected_account_cannot_pay_another_accounts_invoice(
    client, valkey, clinics, claim
):
    """Given an event of connected account A, whatever its metadata claims, then B's invoice does
    not change, and the event's reason names it.
    """
    a, b, _ = clinics
    invoice = given.an_invoice(b)
    claimed = a.id if claim == "its own" else b.id
    intent = given.an_intent(invoice) | {
        "metadata": {"invoice_id": invoice.id, "account_id": claimed, "attempt_id": "x"}
    }
    event = given.an_event("payment_intent.succeeded", intent, account=a.stripe_account)
    reason = refused(client, valkey, CONNECT, CONNECT_SECRET, event)
    assert invoice.id in reason
    assert given.fresh(invoice).status == "sent"


def test_connected_accounts_event_cannot_pay_a_platform_invoice(client, valkey, clinics):
    a, _, c = clinics
    event = given.an_event(
        "payment_intent.succeeded", given.an_intent(given.an_invoice(c)), account=a.stripe_account
    )
    assert a.stripe_account in refused(client, valkey, CONNECT, CONNECT_SECRET, event)


def test_platform_event_cannot_pay_a_connected_clinics_invoice(client, valkey, clinics):
    event = given.an_event(
        "payment_intent.succeeded", given.an_intent(given.an_invoice(clinics[0]))
    )
    assert "platform" in refused(client, valkey, PLATFORM, given.WEBHOOK_SECRET, event)


def test_platform_link_still_counts_after_the_clinic_connects_its_own_account(
    client, valkey, stand_in, clinics
):
    """Given a link made in the platform's account, when the clinic connects an account of its own
    before the link is paid, then our own row decides.
    """
    c = clinics[2]
    invoice = given.an_invoice(c, amount=10_000)
    asked = client.simulate_post(
        f"/api/invoices/{invoice.id}/payment-links", json={}, headers=given.a_key(c)
    )
    given.worked(valkey.client(), "messages")
    type(c).update(stripe_account="acct_new").where(type(c).id == c.id).execute()
    stand_in.follow_and_pay(PaymentLink.get_by_id(asked.json["paymentLinkId"]).url)
    stand_in.deliver(client, valkey.client())
    assert (given.fresh(invoice).status, Payment.get().stripe_account) == ("paid", "")


@pytest.mark.parametrize(
    ("path", "secret", "account"),
    [(PLATFORM, given.WEBHOOK_SECRET, "acct_a"), (CONNECT, CONNECT_SECRET, "")],
)
def test_event_sent_to_the_wrong_webhook_endpoint_is_rejected(
    client, valkey, path, secret, account
):
    event = given.an_event(
        "payment_intent.succeeded",
        given.an_intent(given.an_invoice()),
        **({"account": account} if account else {}),
    )
    assert client.simulate_post(path, **given.signed(event, secret)).status_code == 400
    assert InboxEvent.select().count() == 0


@pytest.mark.parametrize(
    ("path", "secret"), [(PLATFORM, CONNECT_SECRET), (CONNECT, given.WEBHOOK_SECRET)]
)
def test_each_webhook_endpoint_accepts_only_its_own_secret(client, valkey, path, secret):
    event = given.an_event(
        "payment_intent.succeeded", given.an_intent(given.an_invoice()), account="acct_a"
    )
    answer = client.simulate_post(path, **given.signed(event, secret))
    assert (answer.status_code, answer.json["code"]) == (400, "bad_signature")


def test_dispute_is_read_in_the_account_its_event_came_from(client, valkey, stand_in, clinics):
    """Given an event that only refers to a dispute, then the dispute is read in the account the
    event came from.
    """
    a = clinics[0]
    invoice = given.an_invoice(a, amount=10_000)
    intent = stand_in.charge(invoice, stripe_account=a.stripe_account)
    stand_in.act(intent["id"], "dispute")
    assert set(stand_in.deliver(client, valkey.client())) == {200}
    row = given.fresh(invoice)
    assert (row.disputed, row.outstanding) == (True, 10_000)
