"""A change of an unconfirmed PaymentIntent, such as of its amount."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents


def _send(effect: Effect) -> Json:
    return stripe_intents.update_intent(
        effect.request["intent"],
        effect.request["change"],
        effect.stripe_account,
        effect.idempotency_key,
    )


def _find(effect: Effect) -> Json | None:
    intent = stripe_intents.get_intent(effect.request["intent"], effect.stripe_account)
    wanted = effect.request["change"]
    return intent if all(intent.get(name) == value for name, value in wanted.items()) else None


INTENT_CHANGE = Kind(
    name="intent_change",
    provider="stripe",
    does="Change the amount of the open payment",
    recorded_by="change_payment_intent",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by="intent_change",
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
)
