"""A test call to a clinic's own number; Twilio takes no key for calls, so it is placed once."""

from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import calls

# whoever answers hears why it rang
TWIML = (
    "<Response><Say>This is a test call of your clinic's call forwarding. You may hang up.</Say>"
    '<Pause length="5"/></Response>'
)


def _send(effect: Effect) -> Json:
    return calls.place_test_call(effect.request["to"], effect.request["from"], twiml=TWIML)


def _find(effect: Effect) -> Json | None:
    if effect.sent_at is None:
        return None
    since = effect.sent_at - timedelta(seconds=SKEW)
    placed = calls.find_calls(effect.request["to"], effect.request["from"], since)
    return placed[0] if placed else None


FORWARDING_CALL = Kind(
    name="forwarding_call",
    provider="twilio",
    does="Place a test call to a forwarded number",
    recorded_by="test_forwarding",
    many_per_job=False,
    daily_limit="calls",
    costs=Cost.PROVIDER_FEE,
    undone_by=None,
    expires=True,
    keep=("id", "status"),
    send=_send,
    find=_find,
    keyed=False,
)
