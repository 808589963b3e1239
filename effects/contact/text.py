"""Texts at Twilio: sent at most once, and found again by number, time and the link in their body.

Twilio takes no idempotency key and no tag. The status callback's URL carries the effect's id. The
body carries our URL of the invoice, by which a text is recognised; a text without one is recognised
by its whole body.
"""

import re
from datetime import timedelta

from effects.kind import NEAR, Cost, Json, Kind, refused_by_provider
from models.contact.message import Message
from models.effects.effect import Effect
from providers.twilio import messages as twilio_api
from providers.twilio.messages import TextMessage
from rules.contact.delivery_failures import advice_for
from runtime.settings import get_settings

CALLBACK = "/api/webhooks/twilio/message-status"
_ADDRESS = re.compile(r"/p/[0-9a-z]+")


def callback_url(effect_id: str) -> str:
    """The URL at which Twilio reports this text's status. It contains the effect's id, so a report
    can be matched even if Twilio's answer to our request was lost.
    """
    return f"{get_settings().public_url}{CALLBACK}?effect={effect_id}"


def _send(effect: Effect) -> Json:
    return _shown(twilio_api.send_message(effect.request, callback_url(effect.id)))


def _find(effect: Effect) -> Json | None:
    """Find the earliest text sent since `sent_at` whose body has our URL (or else is the same) and
    that belongs to no other effect. None proves nothing.
    """
    if effect.sent_at is None:
        return None
    body = effect.request["Body"]
    address = _ADDRESS.search(body)
    listed = twilio_api.find_messages(
        effect.request["To"],
        effect.sent_at - timedelta(seconds=NEAR),
        address[0] if address else body,
    )
    others = {
        row.sid
        for row in Message.select(Message.sid).where(
            Message.sid.in_([each.sid for each in listed]), Message.effect_id != effect.id
        )
    }
    unclaimed = [each for each in listed if each.sid not in others]
    return _shown(min(unclaimed, key=lambda each: str(each.created_at))) if unclaimed else None


def _shown(message: TextMessage) -> Json:
    return {
        "id": message.sid,
        "status": message.status,
        "error_code": str(message.error_code or ""),
    }


def _why_refused(code: str, words: str) -> str:
    known = advice_for(code)
    return known.text if known is not None else refused_by_provider(code, words)


TEXT = Kind(
    name="text",
    provider="twilio",
    does="Send a text",
    recorded_by="reconcile_text",
    many_per_job=False,
    daily_limit="texts",
    costs=Cost.PROVIDER_FEE,
    undone_by=None,
    expires=True,
    keep=("id", "status", "error_code"),
    send=_send,
    find=_find,
    why_refused=_why_refused,
)
