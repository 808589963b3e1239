"""A signed Stripe webhook becomes a paid invoice, once (F12, F13, F15, F31)."""

import pytest

from models.books.inbox_event import InboxEvent
from models.payments.payment import Payment
from tests import given


def test_a_succeeded_intent_pays_its_invoice(client, valkey):
    """Given an invoice, when Stripe reports its intent succeeded, then it is paid."""
    invoice = given.an_invoice(amount=12_500)
    answer = client.simulate_post(
        "/api/webhooks/stripe",
        **given.signed(given.an_event("payment_intent.succeeded", given.an_intent(invoice))),
    )
    assert (answer.status_code, answer.json) == (200, {"received": True})
    assert given.worked(valkey.client()) == 1
    paid = given.fresh(invoice)
    assert (paid.status, paid.amount_paid, paid.outstanding) == ("paid", 12_500, 0)
    assert given.states() == {"done": 1}


def test_duplicate_event_makes_one_inbox_row_and_one_payment(client, valkey):
    invoice = given.an_invoice()
    request = given.signed(given.an_event("payment_intent.succeeded", given.an_intent(invoice)))
    for _ in range(3):
        assert client.simulate_post("/api/webhooks/stripe", **request).status_code == 200
    given.worked(valkey.client())
    assert (
        InboxEvent.select().count(),
        Payment.select().count(),
        given.fresh(invoice).amount_paid,
    ) == (1, 1, 12_500)


def test_event_of_an_unknown_type_is_stored_and_ignored(client, valkey):
    client.simulate_post(
        "/api/webhooks/stripe", **given.signed(given.an_event("plan.created", {"id": "plan_1"}))
    )
    given.worked(valkey.client())
    assert InboxEvent.get().outcome == "ignored"
    assert given.states() == {"done": 1}


def test_event_naming_the_wrong_account_for_an_invoice_is_refused(client, valkey):
    """Given metadata that names another account, then the event is refused: it cannot move money
    between accounts (fault 39).
    """
    invoice, other = given.an_invoice(), given.an_account(name="Other")
    intent = given.an_intent(invoice) | {
        "metadata": {"invoice_id": invoice.id, "account_id": other.id}
    }
    given.received(given.an_event("payment_intent.succeeded", intent))
    given.worked(valkey.client())
    event = InboxEvent.get()
    assert event.outcome == "refused"
    assert "account_id" in event.reason
    assert given.fresh(invoice).status == "sent"


@pytest.mark.parametrize("order", ["payment first", "refund first"])
def test_a_refund_reopens_the_balance_in_either_order(client, valkey, order):
    invoice = given.an_invoice(amount=10_000)
    intent = given.an_intent(invoice)
    events = [
        given.an_event("payment_intent.succeeded", intent),
        given.an_event("refund.created", given.a_refund(intent, 2_500)),
    ]
    for event in events if order == "payment first" else reversed(events):
        given.received(event)
    given.worked(valkey.client())
    row = given.fresh(invoice)
    assert (row.amount_received, row.amount_returned, row.amount_paid, row.outstanding) == (
        10_000,
        2_500,
        7_500,
        2_500,
    )


def test_payment_in_another_currency_is_a_mismatch_and_not_summed(client, valkey):
    invoice = given.an_invoice(amount=10_000, currency="usd")
    given.received(
        given.an_event("payment_intent.succeeded", given.an_intent(invoice, currency="jpy"))
    )
    given.worked(valkey.client())
    row = given.fresh(invoice)
    assert (row.amount_paid, row.mismatched, row.status) == (0, True, "sent")


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0)])
def test_intent_that_changes_currency_pays_nothing_on_the_invoice(client, valkey, order):
    """Given an intent first seen in dollars and then paid in euros, then no euro counts as a
    dollar: the invoice has received nothing and shows the mismatch.
    """
    invoice = given.an_invoice(amount=900)
    begun = given.an_intent(invoice, "processing", 1634, intent_id="pi_1")
    paid = given.an_intent(invoice, "succeeded", 900, intent_id="pi_1", currency="eur")
    events = [
        given.an_event("payment_intent.processing", begun),
        given.an_event("payment_intent.succeeded", paid),
    ]
    for number in order:
        given.received(events[number] | {"id": given.new_id("evt")})
    given.worked(valkey.client())
    now, payment = given.fresh(invoice), Payment.get()
    assert (now.status, now.amount_received, now.outstanding, now.mismatched) == (
        "sent",
        0,
        900,
        True,
    )
    assert (payment.amount, payment.amount_received, payment.currency) == (900, 900, "eur")


def a_session(invoice, **values):
    """A paid Checkout Session (docs.stripe.com/api/checkout/sessions)."""
    return {
        "id": given.new_id("cs"),
        "object": "checkout.session",
        "mode": "payment",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "amount_total": invoice.amount_due,
        "currency": invoice.currency,
        "metadata": given.metadata_of(invoice),
    } | values


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    "shown",
    [
        # API versions before 2025-03-31 show the converted amount, with ours beside it
        {
            "amount_total": 1_067_000,
            "currency": "inr",
            "currency_conversion": {"amount_total": 12_500, "source_currency": "usd"},
        },
        {"amount_total": 1_067_000, "currency": "inr"},
        # later API versions
        {"presentment_details": {"presentment_amount": 1_067_000, "presentment_currency": "inr"}},
    ],
)
def test_checkout_session_in_the_payers_currency_counts_the_intents_amount(
    client, valkey, order, shown
):
    """Given a payer who was shown rupees (Adaptive Pricing), then the intent's dollars count."""
    invoice = given.an_invoice(amount=12_500)
    events = [
        given.an_event("checkout.session.completed", a_session(invoice, **shown)),
        given.an_event("payment_intent.succeeded", given.an_intent(invoice, intent_id="pi_1")),
    ]
    for number in order:
        given.received(events[number])
    given.worked(valkey.client())
    now, payment = given.fresh(invoice), Payment.get()
    assert (now.status, now.amount_received, now.mismatched) == ("paid", 12_500, False)
    assert (payment.amount, payment.amount_received, payment.currency) == (12_500, 12_500, "usd")
