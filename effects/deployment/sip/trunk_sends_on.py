"""A trunk sends its calls on to where Vapi answers them; it goes with the trunk."""

from effects.deployment.twilio_objects import state
from effects.kind import Json
from models.effects.effect import Effect
from providers.twilio import trunks


def _find(effect: Effect) -> Json | None:
    rows = trunks.sent_on(effect.request["trunk"])
    return next((row for row in rows if row["sip_url"] == effect.request["sip_url"]), None)


def _send(effect: Effect) -> Json:
    asked = effect.request
    return trunks.send_on(asked["trunk"], asked["tag"], asked["sip_url"])


TRUNK_SENDS_ON = state(
    "trunk_sends_on",
    "Send a SIP trunk's calls on to Vapi",
    send=_send,
    find=_find,
    target_field="trunk",
)
