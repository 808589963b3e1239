"""An unconfirmed PaymentIntent at Stripe, which moves no money yet."""

from datetime import datetime

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents


def _send(effect: Effect) -> Json:
    return stripe_intents.create_intent(
        effect.request, effect.stripe_account, effect.idempotency_key
    )


def find_made(effect: Effect) -> Json | None:
    """The intent that the effect has made."""
    return _find_since(effect, effect.created_at)


def find_asked(effect: Effect, asked_at: datetime) -> Json | None:
    """One that was made under our row's tag since the row is there, and may be paid."""
    found = _find_since(effect, asked_at)
    return found if found is not None and found["status"] != "canceled" else None


def _find_since(effect: Effect, begun: datetime) -> Json | None:
    since = int(begun.timestamp()) - SKEW
    return stripe_intents.find_intent(tag_of(effect), effect.stripe_account, since)


INTENT_CREATE = Kind(
    name="intent_create",
    provider="stripe",
    does="Create a payment at Stripe",
    recorded_by="open_payment_intent",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by="intent_cancel",
    expires=False,
    keep=("id",),
    send=_send,
    find=find_made,
    find_asked=find_asked,
)
