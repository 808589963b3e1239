"""Texts at Twilio: sent, found again, read; plain values in, plain values out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.twilio.client import Json, client, mapped_errors, word

PAGE = 100
MAX_LISTED = 400


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A message as Twilio's record has it. `created_at` is UTC;
    `error_code` is Twilio's, or None.
    """

    sid: str
    status: str
    body: str
    error_code: int | None
    created_at: datetime | None
    direction: str


def send_message(request: Json, status_callback: str) -> TextMessage:
    """Send one text. `request` in Twilio's own names: To, Body, ValidityPeriod and one of
    MessagingServiceSid, From.
    """
    sender = (
        {"messaging_service_sid": request["MessagingServiceSid"]}
        if request.get("MessagingServiceSid")
        else {"from_": request["From"]}
    )
    with mapped_errors():
        made = client().messages.create(
            to=request["To"],
            body=request["Body"],
            validity_period=request["ValidityPeriod"],
            status_callback=status_callback,
            **sender,
        )
        return _plain(made)


def find_messages(to: str, since: datetime, text: str) -> list[TextMessage]:
    """Texts we sent to `to` since a time whose body holds `text`, newest first: what Twilio's list
    can tell.

    A message that is not sent yet has no sending date, so the list is not narrowed by it.
    """
    with mapped_errors():
        listed = [
            _plain(each) for each in client().messages.list(to=to, limit=MAX_LISTED, page_size=PAGE)
        ]
    return [
        each
        for each in listed
        if each.direction != "inbound"
        and text in each.body
        and each.created_at
        and each.created_at >= since
    ]


def fetch_message(sid: str) -> TextMessage:
    """One message, as Twilio's record has it now."""
    with mapped_errors():
        return _plain(client().messages(sid).fetch())


def _plain(message: Any) -> TextMessage:
    code = message.error_code
    return TextMessage(
        sid=word(message.sid),
        status=word(message.status),
        body=message.body or "",
        error_code=int(code) if code else None,
        created_at=message.date_created,
        direction=str(getattr(message.direction, "value", message.direction)),
    )
