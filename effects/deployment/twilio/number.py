"""A clinic's number at Twilio: bought or ported, configured to reach us, and released."""

from effects.deployment.objects import deployment_kind
from effects.deployment.twilio.twilio_objects import removal, state
from effects.kind import Cost, Json, Kind
from models.effects.effect import Effect
from providers.errors import ProviderError
from providers.twilio import numbers
from providers.twilio.refusals import GONE

# Twilio takes no key. The number carries our line's tag, by which a purchase is found if its answer
# was lost. Buying a number that is already ours changes nothing.
KEPT = ("id", "phone_number", "friendly_name", "sms_url", "voice_url")


def _buy(effect: Effect) -> Json:
    """Buy the number, unless it is used for something else in the Twilio account: then Twilio would
    simply hand it over.
    """
    number, settings = effect.request["phone_number"], effect.request["settings"]
    held = numbers.find_number_by_e164(number)
    if held is not None and held["friendly_name"] != settings["friendly_name"]:
        message = f"{number} is in use by something else in the same Twilio account"
        raise ProviderError("twilio", "refused", message, next(iter(GONE)), answered=True)
    return numbers.buy_number(number, **settings)


def _find_bought(effect: Effect) -> Json | None:
    found = numbers.find_number(effect.request["settings"]["friendly_name"])
    is_it = found is not None and found["phone_number"] == effect.request["phone_number"]
    return found if is_it else None


def _is_the_bought(effect: Effect, made: Json) -> bool:
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
    send=_buy,
    find=_find_bought,
    read=lambda _effect, sid: numbers.get_number(sid),
    is_its_own=_is_the_bought,
    keyed=False,
)


# Gives a number that we own its clinic's emergency address.
def _give_address(effect: Effect) -> Json:
    return numbers.update_number(
        effect.request["sid"], emergency_address_sid=effect.request["emergency_address_sid"]
    )


def _find_with_address(effect: Effect) -> Json | None:
    number = numbers.get_number(effect.request["sid"])
    has_it = number["emergency_address_sid"] == effect.request["emergency_address_sid"]
    return number if has_it else None


NUMBER_ADDRESS = deployment_kind(
    name="number_address",
    provider="twilio",
    does="Assign an emergency address to a number at Twilio",
    costs=Cost.PLATFORM,
    keep=("id", "emergency_address_sid"),
    send=_give_address,
    find=_find_with_address,
    read=lambda _effect, sid: numbers.get_number(sid),
    is_its_own=lambda effect, made: bool(made["id"] == effect.request["sid"]),
    keyed=False,
)


# Configures a ported number: our tag, the webhooks for calls and texts, and its emergency address.
def _find_set_up(effect: Effect) -> Json | None:
    number = numbers.get_number(effect.request["sid"])
    wanted = effect.request["settings"]
    return number if all(number.get(name) == value for name, value in wanted.items()) else None


NUMBER_SETUP = state(
    "number_setup",
    "Set up a number that was ported to Twilio",
    send=lambda effect: numbers.update_number(effect.request["sid"], **effect.request["settings"]),
    find=_find_set_up,
    target_field="sid",
)


# Releases a phone number for good: it cannot be bought back.
NUMBER_RELEASE = removal(
    "number_release",
    "Release a phone number at Twilio",
    delete=numbers.release_number,
    read=numbers.get_number,
    recorded_by="release_number",
)
