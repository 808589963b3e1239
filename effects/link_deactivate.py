"""A payment link is closed to new visitors."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents


def _send(effect: Effect) -> Json:
    return stripe_intents.deactivate_link(
        effect.request["link"], effect.stripe_account, effect.idempotency_key
    )


def _find(effect: Effect) -> Json | None:
    link = stripe_api.get_payment_link(effect.request["link"], effect.stripe_account)
    return None if link["active"] else link


LINK_DEACTIVATE = Kind(
    name="link_deactivate",
    provider="stripe",
    does="Close the payment link at Stripe",
    recorded_by="retire_payment_link",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
    target_field="link",
)
