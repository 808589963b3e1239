"""Test calls to a clinic's own number, and to a receptionist by SIP. Twilio takes no key for calls,
so each is placed once, and found by its numbers and its time.
"""

from datetime import datetime, timedelta

from effects.kind import NEAR, Cost, Json, Kind
from models.effects.effect import Effect
from providers.twilio import calls

# tells the clinic why its phone rang
WORDS = (
    "<Response><Say>This is a test call of your clinic's call forwarding. You may hang up.</Say>"
    '<Pause length="5"/></Response>'
)


def _call_clinic(effect: Effect) -> Json:
    return calls.place_test_call(effect.request["to"], effect.request["from"], twiml=WORDS)


def _find_call_to_clinic(effect: Effect) -> Json | None:
    return None if effect.sent_at is None else _newest_since(effect, effect.sent_at)


def _newest_since(effect: Effect, sent_at: datetime) -> Json | None:
    since = sent_at - timedelta(seconds=NEAR)
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
    send=_call_clinic,
    find=_find_call_to_clinic,
    keyed=False,
)


# Checks that Vapi answers the calls that Twilio sends it, before callers do. A second call is
# harmless: it rings no telephone.
SILENCE = '<Response><Pause length="3"/><Hangup/></Response>'

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
        effect.request["to"], effect.request["from"], twiml=SILENCE
    ),
    find=lambda effect: _newest_since(effect, effect.sent_at or effect.created_at),
    keyed=False,
)
