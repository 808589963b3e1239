"""Effects on PaymentIntents, links and sessions: how each is sent, and how it is found to have
happened.
"""

from datetime import datetime
from typing import Any

from effects.kinds import KINDS, SKEW, Kind
from models.effects.effect import Effect
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents

Json = dict[str, Any]
CONFIRMED = frozenset({"succeeded", "processing", "requires_action", "requires_capture"})


def _create(effect: Effect) -> Json:
    return stripe_intents.create_intent(
        effect.request, effect.stripe_account, effect.idempotency_key
    )


def _find_created(effect: Effect) -> Json | None:
    return _find_since(effect, effect.created_at)


def _find_since(effect: Effect, begun: datetime) -> Json | None:
    since = int(begun.timestamp()) - SKEW
    return stripe_intents.find_intent(
        effect.request["metadata"]["attempt_id"], effect.stripe_account, since
    )


def _find_open(effect: Effect, asked_at: datetime) -> Json | None:
    found = _find_since(effect, asked_at)
    return found if found is not None and found["status"] != "canceled" else None


def _intent(effect: Effect) -> Json:
    return stripe_intents.get_intent(effect.request["intent"], effect.stripe_account)


def _change(effect: Effect) -> Json:
    return stripe_intents.update_intent(
        effect.request["intent"],
        effect.request["change"],
        effect.stripe_account,
        effect.idempotency_key,
    )


def _find_changed(effect: Effect) -> Json | None:
    intent = _intent(effect)
    return (
        intent
        if all(intent.get(name) == value for name, value in effect.request["change"].items())
        else None
    )


def _confirm(effect: Effect) -> Json:
    return stripe_intents.confirm_intent(
        effect.request["intent"],
        effect.request["confirm"],
        effect.stripe_account,
        effect.idempotency_key,
    )


def _find_confirmed(effect: Effect) -> Json | None:
    intent = _intent(effect)
    return intent if intent["status"] in CONFIRMED else None


def _cancel(effect: Effect) -> Json:
    return stripe_intents.cancel_intent(
        effect.request["intent"], effect.stripe_account, effect.idempotency_key
    )


def _find_cancelled(effect: Effect) -> Json | None:
    intent = _intent(effect)
    return intent if intent["status"] == "canceled" else None


def _was_paid(effect: Effect) -> str:
    return (
        "The intent has succeeded; it is not cancelled any more."
        if _intent(effect)["status"] == "succeeded"
        else ""
    )


def _deactivate(effect: Effect) -> Json:
    return stripe_intents.deactivate_link(
        effect.request["link"], effect.stripe_account, effect.idempotency_key
    )


def _find_deactivated(effect: Effect) -> Json | None:
    link = stripe_api.get_payment_link(effect.request["link"], effect.stripe_account)
    return None if link["active"] else link


def _expire(effect: Effect) -> Json:
    return stripe_intents.expire_session(
        effect.request["session"], effect.stripe_account, effect.idempotency_key
    )


def _find_expired(effect: Effect) -> Json | None:
    session = stripe_intents.get_session(effect.request["session"], effect.stripe_account)
    return session if session["status"] == "expired" else None


def _was_completed(effect: Effect) -> str:
    session = stripe_intents.get_session(effect.request["session"], effect.stripe_account)
    return (
        "The page was completed; it does not expire any more."
        if session["status"] == "complete"
        else ""
    )


INTENT_CREATE = Kind("intent_create", "stripe", _create, _find_created, _find_open)
INTENT_CHANGE = Kind("intent_change", "stripe", _change, _find_changed)
# no card is charged a day late
INTENT_CONFIRM = Kind("intent_confirm", "stripe", _confirm, _find_confirmed, expires=True)
INTENT_CANCEL = Kind(
    "intent_cancel", "stripe", _cancel, _find_cancelled, closes="intent", moot=_was_paid
)
LINK_DEACTIVATE = Kind("link_deactivate", "stripe", _deactivate, _find_deactivated, closes="link")
SESSION_EXPIRE = Kind(
    "session_expire", "stripe", _expire, _find_expired, closes="session", moot=_was_completed
)

for _kind in (
    INTENT_CREATE,
    INTENT_CHANGE,
    INTENT_CONFIRM,
    INTENT_CANCEL,
    LINK_DEACTIVATE,
    SESSION_EXPIRE,
):
    KINDS[_kind.name] = _kind
