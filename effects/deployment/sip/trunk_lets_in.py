"""A trunk lets the logins of a list in; it goes with the trunk."""

from effects.deployment.twilio_objects import state
from effects.kind import Json
from models.effects.effect import Effect
from providers.twilio import trunks


def _find(effect: Effect) -> Json | None:
    wanted = effect.request["list"]
    return {"id": wanted} if wanted in trunks.lets_in(effect.request["trunk"]) else None


TRUNK_LETS_IN = state(
    "trunk_lets_in",
    "Let a list of SIP logins in to a trunk at Twilio",
    send=lambda effect: trunks.let_in(effect.request["trunk"], effect.request["list"]),
    find=_find,
    target_field="trunk",
)
