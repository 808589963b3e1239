"""Customers, their cards, and setup intents."""

import pytest
import stripe


def test_a_customer_is_created_updated_listed_and_deleted(world):
    customer = world.stripe.customers.create(
        {"name": "Ada", "email": "ada@x.test", "metadata": {"k": "v"}}
    )
    changed = world.stripe.customers.update(
        customer.id, {"phone": "+15550100", "metadata": {"k": ""}}
    )
    assert (changed.name, changed.phone, changed.metadata.to_dict()) == ("Ada", "+15550100", {})
    updated = world.stripe.events.list({"type": "customer.updated"}).data[0]
    assert updated.data.previous_attributes.to_dict() == {"phone": None, "metadata": {"k": "v"}}
    assert world.stripe.customers.list({"email": "ada@x.test"}).data[0].id == customer.id
    assert world.stripe.customers.delete(customer.id).deleted
    assert world.stripe.customers.retrieve(customer.id).deleted
    assert world.stripe.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.payment_intents.create(
            {"amount": 500, "currency": "usd", "customer": customer.id}
        )
    assert (refused.value.code, refused.value.param) == ("resource_missing", "customer")


def test_a_card_is_attached_used_and_detached(world):
    customer = world.stripe.customers.create({"name": "Ada"})
    card = world.stripe.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    assert (card.card.brand, card.customer) == ("mastercard", customer.id)
    assert [
        each.id
        for each in world.stripe.payment_methods.list(
            {"customer": customer.id, "type": "card"}
        ).data
    ] == [card.id]
    for _ in range(2):
        assert world.charge(card.id, customer=customer.id).status == "succeeded"
    assert world.stripe.payment_methods.detach(card.id).customer is None
    detached = world.stripe.events.list({"type": "payment_method.detached"}).data[0]
    assert detached.data.previous_attributes["customer"] == customer.id
    with pytest.raises(stripe.InvalidRequestError, match="cannot be used again"):
        world.stripe.payment_methods.attach(card.id, {"customer": customer.id})


def test_a_detached_card_is_nobodys_default(world):
    """Given a customer with a default card, when it or another card is detached, then the customer
    has no default any more, or keeps it.
    """
    customer = world.stripe.customers.create({"name": "Ada"})
    default, other = (
        world.stripe.payment_methods.attach(card, {"customer": customer.id}).id
        for card in ("pm_card_visa", "pm_card_mastercard")
    )
    world.stripe.customers.update(
        customer.id, {"invoice_settings": {"default_payment_method": default}}
    )
    for detached, left in ((other, default), (default, None)):
        world.stripe.payment_methods.detach(detached)
        now = world.stripe.customers.retrieve(customer.id)
        assert now.invoice_settings.default_payment_method == left
    told = world.stripe.events.list({"type": "customer.updated"}).data[0].data
    assert told.object.invoice_settings.default_payment_method is None
    assert told.previous_attributes["invoice_settings"]["default_payment_method"] == default


def test_a_customers_card_cannot_be_charged_for_another_customer(world):
    ada, bob = (world.stripe.customers.create({"name": name}) for name in ("Ada", "Bob"))
    card = world.stripe.payment_methods.attach("pm_card_visa", {"customer": ada.id})
    for customer in ({}, {"customer": bob.id}):
        with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
            world.charge(card.id, **customer)


def test_a_default_card_must_be_attached_to_its_customer(world):
    ada, bob = (world.stripe.customers.create({"name": name}) for name in ("Ada", "Bob"))
    card = world.stripe.payment_methods.attach("pm_card_visa", {"customer": ada.id})
    default = {"invoice_settings": {"default_payment_method": card.id}}
    with pytest.raises(stripe.InvalidRequestError, match="must be attached") as refused:
        world.stripe.customers.update(bob.id, default)
    assert refused.value.code == "resource_missing"
    settings = world.stripe.customers.update(ada.id, default).invoice_settings
    assert settings.default_payment_method == card.id


def test_an_unattached_card_can_be_charged_only_once(world):
    card = world.stripe.payment_methods.retrieve("pm_card_visa")
    assert world.charge(card.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be used again"):
        world.charge(card.id)


def test_a_declining_card_cannot_be_attached_but_one_that_fails_on_charge_can(world):
    customer = world.stripe.customers.create({"name": "Ada"})
    with pytest.raises(stripe.CardError):
        world.stripe.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    card = world.stripe.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    with pytest.raises(stripe.CardError):
        world.charge(card.id, customer=customer.id, off_session=True)


NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


def test_a_setup_intent_saves_a_card(world):
    customer = world.stripe.customers.create({"name": "Ada"})
    intent = world.stripe.setup_intents.create(
        {"customer": customer.id, "usage": "off_session", "metadata": {"a": "1"}, **NO_REDIRECTS}
    )
    assert intent.status == "requires_payment_method"
    saved = world.stripe.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (saved.status, world.stripe.payment_methods.retrieve(saved.payment_method).customer) == (
        "succeeded",
        customer.id,
    )
    assert world.types()[1:] == [
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
    ]
    assert world.stripe.setup_intents.retrieve(intent.id).metadata["a"] == "1"


def test_a_setup_intent_is_declined_authenticated_or_cancelled(world):
    create = world.stripe.setup_intents.create
    with pytest.raises(stripe.CardError) as refused:
        create(
            {
                "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
                "confirm": True,
                **NO_REDIRECTS,
            }
        )
    assert refused.value.error.setup_intent.last_setup_error.decline_code == "insufficient_funds"
    asked = create(
        {"payment_method": "pm_card_threeDSecure2Required", "confirm": True, **NO_REDIRECTS}
    )
    assert asked.status == "requires_action"
    assert world.control(f"stripe/{asked.id}/authenticate")["status"] == "succeeded"
    assert world.stripe.setup_intents.cancel(create({}).id).status == "canceled"
    assert world.types()[-1] == "setup_intent.canceled"
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        create({"payment_method": "pm_card_visa", "confirm": True})
