"""A number that is ours already tells a clinic's address in an emergency from now on."""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import numbers


def _send(effect: Effect) -> Json:
    return numbers.update_number(
        effect.request["sid"], emergency_address_sid=effect.request["emergency_address_sid"]
    )


def _find(effect: Effect) -> Json | None:
    number = numbers.get_number(effect.request["sid"])
    has_it = number["emergency_address_sid"] == effect.request["emergency_address_sid"]
    return number if has_it else None


NUMBER_ADDRESS = Kind(
    name="number_address",
    provider="twilio",
    does="Give a number its emergency address at Twilio",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.PLATFORM,
    undone_by=None,
    expires=False,
    keep=("id", "emergency_address_sid"),
    send=_send,
    find=_find,
    read=lambda _effect, sid: numbers.get_number(sid),
    is_its_own=lambda effect, made: bool(made["id"] == effect.request["sid"]),
    keyed=False,
)
