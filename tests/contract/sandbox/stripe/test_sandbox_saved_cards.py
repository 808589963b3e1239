"""Cards saved now and charged later: charges that fail although the set-up succeeded, and how saved
cards change or end.
"""

import pytest
import stripe

NO_REDIRECTS = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
CARDS_ONLY = {"allowed_payment_method_types": ["card"], "usage": "off_session"}


@pytest.fixture
def customer(world):
    return world.stripe.customers.create({"name": "Dental Clinic"}).id


def saved(world, customer, card="pm_card_visa", authenticate=True):
    """Set up a card for later charges, and return its payment method's id."""
    intent = world.stripe.setup_intents.create({"customer": customer, **CARDS_ONLY})
    done = world.stripe.setup_intents.confirm(intent.id, {"payment_method": card})
    if done.status == "requires_action" and authenticate:
        world.control(f"stripe/{intent.id}/authenticate")
    done = world.stripe.setup_intents.retrieve(intent.id)
    assert done.status == "succeeded"
    return done.payment_method


def test_payment_method_types_can_be_allowed_but_not_given(world, customer):
    made = world.stripe.setup_intents.create({"customer": customer, **CARDS_ONLY})
    assert made.automatic_payment_methods is None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.setup_intents.create({"payment_method_types": ["card"]})
    assert refused.value.code == "payment_method_types_no_longer_supported"


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeCustomerFail", "generic_decline"),
        ("pm_card_authenticationRequired", "authentication_required"),
    ],
)
def test_a_card_that_passes_setup_may_still_decline_the_charge(world, customer, card, code):
    method = saved(world, customer, card)
    with pytest.raises(stripe.CardError) as refused:
        world.charge(method, customer=customer, off_session=True)
    assert refused.value.error.decline_code == code


def test_an_intent_declined_off_session_can_be_confirmed_on_session(world, customer):
    """The refused intent returns to requires_payment_method; confirmed with the saved card and
    authenticated by the cardholder, it succeeds.
    """
    method = saved(world, customer, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as refused:
        world.charge(method, customer=customer, off_session=True)
    intent = world.stripe.payment_intents.retrieve(refused.value.error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    asked = world.stripe.payment_intents.confirm(intent.id, {"payment_method": method})
    assert asked.status == "requires_action"
    assert world.control(f"stripe/{intent.id}/authenticate")["status"] == "succeeded"


def test_an_authenticated_charge_may_still_lack_funds(world, customer):
    method = saved(world, customer, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    intent = world.charge(method, customer=customer)
    assert intent.status == "requires_action"
    answer = world.http.post(f"/sandbox/stripe/{intent.id}/authenticate", json={})
    assert answer.status_code == 402
    error = world.stripe.payment_intents.retrieve(intent.id).last_payment_error
    assert error.decline_code == "insufficient_funds"


def test_some_cards_need_authentication_only_until_they_are_set_up(world, customer):
    with pytest.raises(stripe.CardError) as refused:
        world.charge("pm_card_threeDSecureRequired", off_session=True)
    assert refused.value.code == "authentication_required"
    method = saved(world, customer, "pm_card_threeDSecureRequired")
    assert world.charge(method, customer=customer, off_session=True).status == "succeeded"


def test_a_saved_card_can_start_to_decline(world, customer):
    method = saved(world, customer)
    world.control(f"stripe/{method}/become", card="chargeDeclinedInsufficientFunds")
    with pytest.raises(stripe.CardError) as refused:
        world.charge(method, customer=customer, off_session=True)
    assert refused.value.error.decline_code == "insufficient_funds"


def test_a_card_has_the_same_fingerprint_for_every_customer(world, customer):
    other = world.stripe.customers.create({"name": "Other Clinic"}).id
    cards = [
        world.stripe.payment_methods.retrieve(saved(world, owner, card)).card.fingerprint
        for owner, card in (
            (customer, "pm_card_visa"),
            (other, "pm_card_visa"),
            (other, "pm_card_mastercard"),
        )
    ]
    assert cards[0] == cards[1] != cards[2]


def test_an_expired_saved_card_is_declined(world, customer):
    method = saved(world, customer)
    world.control(f"stripe/{method}/renew", exp_month=1, exp_year=2001)
    with pytest.raises(stripe.CardError) as refused:
        world.charge(method, customer=customer, off_session=True)
    assert refused.value.code == "expired_card"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "payment_method.automatically_updated"),
        ({"formerly": True}, "payment_method.card_automatically_updated"),
    ],
    ids=["now", "formerly"],
)
def test_a_bank_updates_a_saved_card_automatically(world, customer, body, kind):
    method = saved(world, customer)
    world.control(f"stripe/{method}/renew", exp_month=3, exp_year=2040, last4="4444", **body)
    (event,) = world.stripe.events.list({"type": kind}).data
    card = event.data.object.card
    assert (card.exp_month, card.exp_year, card.last4) == (3, 2040, "4444")
    assert event.data.previous_attributes["card"]["exp_year"] == 2034


def test_a_deleted_customers_card_is_detached(world, customer):
    method = saved(world, customer)
    world.stripe.customers.delete(customer)
    assert world.stripe.payment_methods.retrieve(method).customer is None
    assert world.types()[-1] == "customer.deleted"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        world.stripe.setup_intents.create({"customer": customer})
    assert (refused.value.code, refused.value.param) == ("resource_missing", "customer")
