"""The setup fee's PaymentIntent at Stripe, in the platform's own account; it moves no money yet."""

from effects.kind import Cost, Json, Kind
from effects.payments.intent_create import find_asked, find_made
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents

PLATFORM = ""


def _send(effect: Effect) -> Json:
    return stripe_intents.create_intent(effect.request, PLATFORM, effect.idempotency_key)


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
    find=find_made,
    find_asked=find_asked,
)
