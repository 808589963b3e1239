"""A clinic's address at Twilio, which emergency calls from its number report."""

from effects.deployment.objects import deployment_kind
from effects.deployment.twilio.twilio_objects import removal
from effects.kind import Json
from models.effects.effect import Effect
from providers.twilio import addresses


def _send(effect: Effect) -> Json:
    return addresses.create_address(**effect.request)


def _find(effect: Effect) -> Json | None:
    return addresses.find_address(effect.request["friendly_name"])


def _is_its_own(effect: Effect, made: Json) -> bool:
    return bool(made["friendly_name"] == effect.request["friendly_name"])


ADDRESS_CREATE = deployment_kind(
    name="address_create",
    provider="twilio",
    does="Register an emergency address at Twilio",
    undone_by="address_delete",
    keep=("id", "friendly_name"),
    send=_send,
    find=_find,
    read=lambda _effect, sid: addresses.get_address(sid),
    is_its_own=_is_its_own,
    keyed=False,
)


# Twilio refuses to delete an address that a number still uses, until that number is released
ADDRESS_DELETE = removal(
    "address_delete",
    "Delete an emergency address at Twilio",
    delete=addresses.delete_address,
    read=addresses.get_address,
)
