"""A clinic's address is taken away at Twilio. One that a number still uses stays until it is
released.
"""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio import addresses
from providers.twilio.refusals import NOT_FOUND


def _send(effect: Effect) -> Json:
    addresses.delete_address(effect.request["sid"])
    return {"id": effect.request["sid"]}


def _find(effect: Effect) -> Json | None:
    try:
        addresses.get_address(effect.request["sid"])
    except ProviderError as error:
        if error.code == NOT_FOUND:
            return {"id": effect.request["sid"]}
        raise
    return None


ADDRESS_DELETE = Kind(
    name="address_delete",
    provider="twilio",
    does="Take an emergency address away at Twilio",
    recorded_by="undo_deployment_step",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.NOTHING,
    undone_by=None,
    expires=False,
    keep=("id",),
    send=_send,
    find=_find,
    target_field="sid",
)
