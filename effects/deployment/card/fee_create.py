"""The setup fee's PaymentIntent at Stripe, in the platform's own account; it moves no money yet."""

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents

PLATFORM = ""


def _send(effect: Effect) -> Json:
    return stripe_intents.create_intent(effect.request, PLATFORM, effect.idempotency_key)


def _find(effect: Effect) -> Json | None:
    since = int(effect.created_at.timestamp()) - SKEW
    return stripe_intents.find_intent(tag_of(effect), PLATFORM, since)


FEE_CREATE = Kind(
    name="fee_create",
    provider="stripe",
    does="Prepare the setup fee at Stripe",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by="fee_cancel",
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
)
