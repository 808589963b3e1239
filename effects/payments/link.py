"""Payment links at Stripe, and the payment pages that they open."""

from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from effects.payments.retiring import retiring
from models.effects.effect import Effect
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents


# one link per balance revision of an invoice
def _send(effect: Effect) -> Json:
    return stripe_api.create_payment_link(
        effect.request, effect.stripe_account, effect.idempotency_key
    )


def _find(effect: Effect) -> Json | None:
    """Links show no creation time and cannot be searched, so list only those newer than the last
    link that is surely older than this effect.
    """
    surely_before = effect.created_at - timedelta(seconds=SKEW)
    older = Effect.last_confirmed_before("payment_link", effect.stripe_account, surely_before)
    return stripe_api.find_payment_link(tag_of(effect), effect.stripe_account, older)


def _read(effect: Effect, link_id: str) -> Json:
    return stripe_api.get_payment_link(link_id, effect.stripe_account)


PAYMENT_LINK = Kind(
    name="payment_link",
    provider="stripe",
    does="Create a payment link at Stripe",
    recorded_by="create_payment_link",
    many_per_job=False,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by="link_deactivate",
    expires=True,
    keep=("id", "url"),
    send=_send,
    find=_find,
    read=_read,
)


# closes it to new visitors; pages that are open already are expired below
LINK_DEACTIVATE = retiring(
    name="link_deactivate",
    does="Close the payment link at Stripe",
    recorded_by="retire_payment_link",
    target_field="link",
    close=stripe_intents.deactivate_link,
    read=stripe_api.get_payment_link,
    is_closed=lambda link: not link["active"],
)


# a payment page is a Checkout Session
SESSION_EXPIRE = retiring(
    name="session_expire",
    does="Close an open payment page at Stripe",
    recorded_by="retire_payment_link",
    target_field="session",
    close=stripe_intents.expire_session,
    read=stripe_intents.get_session,
    is_closed=lambda session: session["status"] == "expired",
    is_paid=lambda session: session["status"] == "complete",
    when_paid="The page was completed; it can no longer expire.",
)
