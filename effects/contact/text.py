"""Texts at Twilio: sent at most once, found again by number, time and the address they carry.

Twilio takes no key and no tag. The address of the status callback carries the effect's id, and the
body our own address of the invoice: by these a text is known again, and one without an address by
its words.
"""

import re
from datetime import timedelta

from effects.kind import SKEW, Cost, Json, Kind, refused_by_provider
from models.contact.message import Message
from models.effects.effect import Effect
from providers.twilio import messages as twilio_api
from providers.twilio.messages import TextMessage
from rules.contact.delivery_failures import advice_for
from runtime.settings import get_settings

CALLBACK = "/api/webhooks/twilio/message-status"
_ADDRESS = re.compile(r"/p/[0-9a-z]+")


def callback_url(effect_id: str) -> str:
    """Where Twilio reports this text's status; the effect's id is in it, so that a report needs no
    answer of ours.
    """
    return f"{get_settings().public_url}{CALLBACK}?effect={effect_id}"


def _send(effect: Effect) -> Json:
    return _shown(twilio_api.send_message(effect.request, callback_url(effect.id)))


def _find(effect: Effect) -> Json | None:
    """The first text since it was sent that carries its address, or else all its words, and is no
    other one's; None settles nothing.
    """
    if effect.sent_at is None:
        return None
    body = effect.request["Body"]
    address = _ADDRESS.search(body)
    listed = twilio_api.find_messages(
        effect.request["To"],
        effect.sent_at - timedelta(seconds=SKEW),
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


def _why_refused(code: str, said: str) -> str:
    known = advice_for(code)
    return known.text if known is not None else refused_by_provider(code, said)


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
