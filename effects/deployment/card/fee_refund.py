"""The setup fee is given back: the deployment that it paid for was undone."""

from effects.deployment.card.fee_create import PLATFORM
from effects.kind import Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.stripe import client as stripe_api

GIVEN_BACK = "charge_already_refunded"


def give_back(effect: Effect, intent_id: str, key: str) -> Json:
    """Refund what is left of the fee. What a person has refunded in Stripe's dashboard is found."""
    request = {"payment_intent": intent_id, "metadata": effect.request["metadata"]}
    try:
        return stripe_api.create_refund(request, PLATFORM, key)
    except ProviderError as error:
        made = stripe_api.list_refunds(intent_id) if error.code == GIVEN_BACK else []
        if not made:
            raise
        return made[0]


def _send(effect: Effect) -> Json:
    return give_back(effect, effect.request["payment_intent"], effect.idempotency_key)


def _find(effect: Effect) -> Json | None:
    return stripe_api.find_refund(tag_of(effect), effect.request["payment_intent"], PLATFORM)


FEE_REFUND = Kind(
    name="fee_refund",
    provider="stripe",
    does="Give the setup fee back",
    recorded_by="undo_deployment_step",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,  # late is better than never
    keep=("id", "status", "amount"),
    send=_send,
    find=_find,
)
