"""A payment link at Stripe, made once for each balance of an invoice."""

from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.stripe import client as stripe_api


def _send(effect: Effect) -> Json:
    return stripe_api.create_payment_link(
        effect.request, effect.stripe_account, effect.idempotency_key
    )


def _find(effect: Effect) -> Json | None:
    """Links show no time and cannot be searched: only those newer than the last one surely older
    are looked through.
    """
    surely_before = effect.created_at - timedelta(seconds=SKEW)
    older = Effect.confirmed_before("payment_link", effect.stripe_account, surely_before)
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
