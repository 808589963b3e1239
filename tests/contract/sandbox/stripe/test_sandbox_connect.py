"""Connect: each account sees only its own objects and events."""

import pytest
import stripe


@pytest.fixture
def clinic(world):
    return world.stripe.accounts.create({"type": "standard", "email": "clinic@x.test"})


def test_objects_are_visible_only_in_their_account(world, clinic):
    theirs = {"stripe_account": clinic.id}
    intent = world.stripe.payment_intents.create({"amount": 500, "currency": "usd"}, theirs)
    assert world.stripe.payment_intents.list().data == []
    assert world.stripe.payment_intents.retrieve(intent.id, options=theirs).id == intent.id
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.payment_intents.retrieve(intent.id)
    assert world.stripe.accounts.retrieve(clinic.id).email == "clinic@x.test"


def test_an_unknown_account_is_forbidden(world):
    with pytest.raises(stripe.PermissionError):
        world.stripe.customers.list(options={"stripe_account": "acct_unknown"})


def test_connect_endpoints_get_events_of_connected_accounts_only(
    world, clinic, receiver, eventually
):
    world.listen(receiver, connect=True)
    world.stripe.customers.create({"name": "of the platform"})
    world.stripe.customers.create({"name": "of the clinic"}, {"stripe_account": clinic.id})
    eventually(lambda: receiver.got)
    assert [(event.account, event.data.object.name) for event in receiver.events()] == [
        (clinic.id, "of the clinic")
    ]
    listed = world.stripe.events.list(options={"stripe_account": clinic.id}).data
    assert [event.id for event in listed] == [event.id for event in receiver.events()]


def test_a_connected_link_is_paid_into_its_account(world, clinic):
    line = {
        "price_data": {"currency": "usd", "unit_amount": 700, "product_data": {"name": "x"}},
        "quantity": 1,
    }
    asked = {"line_items": [line], "payment_intent_data": {"metadata": {"invoice_id": "inv_c"}}}
    link = world.stripe.payment_links.create(asked, {"stripe_account": clinic.id})
    assert world.pay(world.visit(link)).json()["status"] == "complete"
    assert world.shown("ledger")["invoices"]["inv_c"]["account"] == clinic.id
