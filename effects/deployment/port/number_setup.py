"""A number that has moved to us is set up: our tag, where its calls and texts go, its address."""

from effects.deployment.twilio_objects import state
from effects.kind import Json
from models.effects.effect import Effect
from providers.twilio import numbers


def _find(effect: Effect) -> Json | None:
    number = numbers.get_number(effect.request["sid"])
    wanted = effect.request["settings"]
    return number if all(number.get(name) == value for name, value in wanted.items()) else None


NUMBER_SETUP = state(
    "number_setup",
    "Set up a number that was ported to Twilio",
    send=lambda effect: numbers.update_number(effect.request["sid"], **effect.request["settings"]),
    find=_find,
    target_field="sid",
)
