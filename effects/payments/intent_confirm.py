"""A charge: a PaymentIntent is confirmed with a card."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents
from rules.declines import advice

CONFIRMED = frozenset({"succeeded", "processing", "requires_action", "requires_capture"})


def _send(effect: Effect) -> Json:
    return stripe_intents.confirm_intent(
        effect.request["intent"],
        effect.request["confirm"],
        effect.stripe_account,
        effect.idempotency_key,
    )


def _find(effect: Effect) -> Json | None:
    intent = stripe_intents.get_intent(effect.request["intent"], effect.stripe_account)
    return intent if intent["status"] in CONFIRMED else None


def _why_refused(code: str, _said: str) -> str:
    """Only what the decline code may tell: the bank's words may say that the card was stolen."""
    return advice(code)


INTENT_CONFIRM = Kind(
    name="intent_confirm",
    provider="stripe",
    does="Charge the card",
    recorded_by="confirm_payment",
    many_per_job=False,
    daily_limit="charges",
    costs=Cost.PAYER,
    undone_by="refund",
    expires=True,  # no card is charged a day late
    keep=("id",),
    send=_send,
    find=_find,
    why_refused=_why_refused,
)
