"""An open payment page (a Checkout Session) is closed, so that nobody pays by it any more."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.stripe import intents as stripe_intents


def _send(effect: Effect) -> Json:
    return stripe_intents.expire_session(
        effect.request["session"], effect.stripe_account, effect.idempotency_key
    )


def _find(effect: Effect) -> Json | None:
    session = _session(effect)
    return session if session["status"] == "expired" else None


def _superseded(effect: Effect) -> str:
    completed = _session(effect)["status"] == "complete"
    return "The page was completed; it does not expire any more." if completed else ""


def _session(effect: Effect) -> Json:
    return stripe_intents.get_session(effect.request["session"], effect.stripe_account)


SESSION_EXPIRE = Kind(
    name="session_expire",
    provider="stripe",
    does="Close an open payment page at Stripe",
    recorded_by="retire_payment_link",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
    target_field="session",
    superseded=_superseded,
)
