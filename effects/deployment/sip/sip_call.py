"""A test call to a receptionist by SIP, before any caller comes: whether Vapi answers the calls
that Twilio sends it. Twilio takes no key for calls; a second one would ring nobody's telephone.
"""

from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import calls

TWIML = '<Response><Pause length="3"/><Hangup/></Response>'


def _find(effect: Effect) -> Json | None:
    since = (effect.sent_at or effect.created_at) - timedelta(seconds=SKEW)
    placed = calls.find_calls(effect.request["to"], effect.request["from"], since)
    return placed[0] if placed else None


SIP_CALL = Kind(
    name="sip_call",
    provider="twilio",
    does="Place a test call to a receptionist by SIP",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit="calls",
    costs=Cost.PROVIDER_FEE,
    undone_by=None,
    expires=True,
    keep=("id", "status"),
    send=lambda effect: calls.place_test_call(
        effect.request["to"], effect.request["from"], twiml=TWIML
    ),
    find=_find,
    keyed=False,
)
