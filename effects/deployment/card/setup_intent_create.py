"""A SetupIntent at Stripe, by which a clinic saves a card; it moves no money."""

from effects.kind import Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.stripe import setup_intents as stripe_setup_intents


def _send(effect: Effect) -> Json:
    return stripe_setup_intents.create_setup_intent(effect.request, effect.idempotency_key)


def _find(effect: Effect) -> Json | None:
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
    expires=True,  # nobody waits any more for a form that was asked for a day ago
    keep=("id",),
    send=_send,
    find=_find,
)
