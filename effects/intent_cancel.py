"""An open PaymentIntent is cancelled, so that it takes no money any more."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents


def _send(effect: Effect) -> Json:
    return stripe_intents.cancel_intent(
        effect.request["intent"], effect.stripe_account, effect.idempotency_key
    )


def _find(effect: Effect) -> Json | None:
    intent = _intent(effect)
    return intent if intent["status"] == "canceled" else None


def _superseded(effect: Effect) -> str:
    paid = _intent(effect)["status"] == "succeeded"
    return "The intent has succeeded; it is not cancelled any more." if paid else ""


def _intent(effect: Effect) -> Json:
    return stripe_intents.get_intent(effect.request["intent"], effect.stripe_account)


INTENT_CANCEL = Kind(
    name="intent_cancel",
    provider="stripe",
    does="Cancel the open payment at Stripe",
    recorded_by="cancel_payment_intent",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
    target_field="intent",
    superseded=_superseded,
)
