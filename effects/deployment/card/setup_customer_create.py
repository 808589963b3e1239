"""A clinic becomes a customer of the platform at Stripe, which its card will belong to."""

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.stripe import customers as stripe_customers


def _send(effect: Effect) -> Json:
    return stripe_customers.create_customer(effect.request, effect.idempotency_key)


def _find(effect: Effect) -> Json | None:
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
    send=_send,
    find=_find,
)
