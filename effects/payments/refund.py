"""A refund at Stripe. Neither a pause of charges nor a daily limit stops it."""

from datetime import datetime

from effects.kind import Cost, Json, Kind, carries_tag, tag_of
from models.effects.effect import Effect
from providers.stripe import client as stripe_api


def _send(effect: Effect) -> Json:
    return stripe_api.create_refund(effect.request, effect.stripe_account, effect.idempotency_key)


def _find(effect: Effect) -> Json | None:
    intent_id = effect.request["payment_intent"]
    return stripe_api.find_refund(tag_of(effect), intent_id, effect.stripe_account)


def _find_asked(effect: Effect, _asked_at: datetime) -> Json | None:
    return _find(effect)


def _read(effect: Effect, refund_id: str) -> Json:
    return stripe_api.get_refund(refund_id, effect.stripe_account)


def _is_its_own(effect: Effect, made: Json) -> bool:
    """Recognise a refund by its tag, or, if it has none (made in Stripe's dashboard), by payment
    and amount.
    """
    if carries_tag(effect, made):
        return True
    tagged = bool((made.get("metadata") or {}).get("attempt_id"))
    same = all(made[name] == effect.request[name] for name in ("payment_intent", "amount"))
    return same and not tagged


REFUND = Kind(
    name="refund",
    provider="stripe",
    does="Refund at Stripe",
    recorded_by="refund_payment",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.CLINIC,
    undone_by=None,
    expires=True,
    keep=("id", "payment_intent", "amount", "currency", "status", "failure_reason"),
    send=_send,
    find=_find,
    find_asked=_find_asked,
    read=_read,
    is_its_own=_is_its_own,
)
