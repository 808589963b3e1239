"""Checkout Sessions made by the API."""

import time

import pytest
import stripe

LINE = {
    "price_data": {"currency": "eur", "unit_amount": 1250, "product_data": {"name": "Visit"}},
    "quantity": 2,
}


def create(world, **more):
    return world.stripe.checkout.sessions.create(
        {"mode": "payment", "line_items": [LINE], "success_url": "https://clinic.test/ok", **more}
    )


def test_a_session_is_paid_on_its_page(world):
    session = create(
        world,
        client_reference_id="inv_5",
        payment_intent_data={"metadata": {"invoice_id": "inv_5"}, "receipt_email": "a@x.test"},
    )
    assert (session.amount_total, session.currency, session.payment_intent) == (2500, "eur", None)
    paid = world.payer.post(
        session.url, data={"card_number": "4242424242424242", "email": "a@x.test"}
    ).json()
    assert (paid["payment_status"], paid["redirect"]) == ("paid", "https://clinic.test/ok")
    assert world.stripe.payment_intents.retrieve(paid["payment_intent"]).receipt_email == "a@x.test"
    completed = world.stripe.events.list({"type": "checkout.session.completed"}).data[0].data.object
    assert (completed.client_reference_id, completed.customer_details.email) == (
        "inv_5",
        "a@x.test",
    )
    found = world.stripe.checkout.sessions.list({"payment_intent": paid["payment_intent"]}).data
    assert [each.id for each in found] == [session.id]


def test_a_sessions_line_items_are_listed(world):
    session = create(world)
    lines = world.stripe.checkout.sessions.line_items.list(session.id).data
    assert [(line.description, line.quantity, line.amount_total) for line in lines] == [
        ("Visit", 2, 2500)
    ]


def test_a_session_expires_on_time(world):
    session = create(world, expires_at=int(time.time()) + 31 * 60)
    world.control("clock", advance=32 * 60)
    assert world.stripe.checkout.sessions.retrieve(session.id).status == "expired"
    assert world.types() == ["checkout.session.expired"]
    assert world.payer.get(session.url).status_code == 410


@pytest.mark.parametrize("seconds", [60, 25 * 3600])
def test_an_expiry_outside_the_allowed_range_is_refused(world, seconds):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        create(world, expires_at=int(time.time()) + seconds)
    assert refused.value.param == "expires_at"


def test_a_session_can_save_a_card(world):
    customer = world.stripe.customers.create({"name": "Ada"})
    asked = {
        "mode": "setup",
        "customer": customer.id,
        "currency": "usd",
        "success_url": "https://clinic.test/ok",
    }
    session = world.stripe.checkout.sessions.create(asked)
    world.payer.post(session.url, data={"card_number": "4242424242424242"})
    done = world.stripe.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert world.stripe.setup_intents.retrieve(done.setup_intent).status == "succeeded"
    assert len(world.stripe.payment_methods.list({"customer": customer.id}).data) == 1


def test_a_link_can_use_a_price_created_before(world):
    product = world.stripe.products.create({"name": "Visit"})
    price = world.stripe.prices.create(
        {"product": product.id, "currency": "jpy", "unit_amount": 900}
    )
    link = world.stripe.payment_links.create({"line_items": [{"price": price.id, "quantity": 3}]})
    assert world.visit(link)["amount"] == 2700
    assert world.stripe.payment_links.line_items.list(link.id).data[0].price.id == price.id
