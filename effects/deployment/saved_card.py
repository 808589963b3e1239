"""Saving a clinic's card in the platform's own Stripe account; none of this moves money."""

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.stripe import customers as stripe_customers
from providers.stripe import setup_intents as stripe_setup_intents


# Creates the clinic as a Customer of the platform, to which its card will belong.
def _create_customer(effect: Effect) -> Json:
    return stripe_customers.create_customer(effect.request, effect.idempotency_key)


def _find_customer(effect: Effect) -> Json | None:
    since = int(effect.created_at.timestamp()) - SKEW
    return stripe_customers.find_customer(tag_of(effect), since)


SETUP_CUSTOMER_CREATE = Kind(
    name="setup_customer_create",
    provider="stripe",
    does="Create the clinic as a customer at Stripe",
    recorded_by="open_setup_intent",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_create_customer,
    find=_find_customer,
)


# Creates the SetupIntent with which a clinic saves a card; it moves no money.
def _create_setup_intent(effect: Effect) -> Json:
    return stripe_setup_intents.create_setup_intent(effect.request, effect.idempotency_key)


def _find_setup_intent(effect: Effect) -> Json | None:
    return stripe_setup_intents.find_setup_intent(tag_of(effect), effect.request["customer"])


SETUP_INTENT_CREATE = Kind(
    name="setup_intent_create",
    provider="stripe",
    does="Prepare saving a card at Stripe",
    recorded_by="open_setup_intent",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=True,  # nobody is still waiting for a form requested a day ago
    keep=("id",),
    send=_create_setup_intent,
    find=_find_setup_intent,
)
