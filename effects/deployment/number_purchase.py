"""A phone number is bought at Twilio, one that was chosen, and set up to reach us.

Twilio takes no key. The number carries our line's tag, by which a purchase is found whose answer
was lost; buying a number twice that is ours already changes nothing.
"""

from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio import numbers
from providers.twilio.refusals import GONE

KEPT = ("id", "phone_number", "friendly_name", "sms_url", "voice_url")


def _send(effect: Effect) -> Json:
    """Buy it, unless something else in the Twilio account has it: Twilio would hand it over."""
    number, settings = effect.request["phone_number"], effect.request["settings"]
    held = numbers.find_number_by_e164(number)
    if held is not None and held["friendly_name"] != settings["friendly_name"]:
        told = f"{number} is in use by something else in the same Twilio account"
        raise ProviderError("twilio", "refused", told, next(iter(GONE)), answered=True)
    return numbers.buy_number(number, **settings)


def _find(effect: Effect) -> Json | None:
    found = numbers.find_number(effect.request["settings"]["friendly_name"])
    is_it = found is not None and found["phone_number"] == effect.request["phone_number"]
    return found if is_it else None


def _is_its_own(effect: Effect, made: Json) -> bool:
    return bool(made["phone_number"] == effect.request["phone_number"])


NUMBER_PURCHASE = Kind(
    name="number_purchase",
    provider="twilio",
    does="Buy a phone number at Twilio",
    recorded_by="purchase_number",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.PLATFORM,
    undone_by="number_release",
    expires=True,
    keep=KEPT,
    send=_send,
    find=_find,
    read=lambda _effect, sid: numbers.get_number(sid),
    is_its_own=_is_its_own,
    keyed=False,
)
