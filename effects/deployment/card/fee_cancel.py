"""The setup fee's intent is closed, so that it takes no money any more; or gives back what its
cardholder has paid by the page meanwhile.
"""

from effects.deployment.card.fee_create import PLATFORM
from effects.deployment.card.fee_refund import give_back
from effects.kind import Cost, Json, Kind, tag_of
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.stripe import client as stripe_api
from providers.stripe import intents as stripe_intents


def _send(effect: Effect) -> Json:
    intent_id = effect.request["intent"]
    try:
        return stripe_intents.cancel_intent(intent_id, PLATFORM, effect.idempotency_key)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        intent = stripe_intents.get_intent(intent_id, PLATFORM)
        if intent["status"] == "canceled":
            return intent
        if intent["status"] != "succeeded":
            raise
    return give_back(effect, intent_id, f"{effect.idempotency_key}-refund")


def _find(effect: Effect) -> Json | None:
    intent_id = effect.request["intent"]
    intent = stripe_intents.get_intent(intent_id, PLATFORM)
    if intent["status"] == "canceled":
        return intent
    return stripe_api.find_refund(tag_of(effect), intent_id, PLATFORM)


FEE_CANCEL = Kind(
    name="fee_cancel",
    provider="stripe",
    does="Close the setup fee's payment at Stripe",
    recorded_by="undo_deployment_step",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id", "status"),
    send=_send,
    find=_find,
    target_field="intent",
)
