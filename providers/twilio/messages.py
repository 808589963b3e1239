"""Texts at Twilio: send, find again, fetch, and list inbound ones. Plain values in, dataclasses
out.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.twilio.client import Json, client, mapped_errors, text, word
from runtime.log import get_log

PAGE = 100
MAX_LISTED = 400
LARGEST_PAGE = 1000

log = get_log("twilio")


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A message in Twilio's record. `created_at` is UTC; `error_code` is Twilio's, or None."""

    sid: str
    status: str
    body: str
    error_code: int | None
    created_at: datetime | None
    direction: str


def send_message(request: Json, status_callback: str) -> TextMessage:
    """Send one text. `request` uses Twilio's own names: To, Body, ValidityPeriod, and either
    MessagingServiceSid or From.
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
    """List texts that we sent to `to` since a time and whose body contains `text`, newest first.

    Twilio's list is not filtered by sending date, because a message that is not sent yet has none.
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
    """Fetch one message from Twilio's record."""
    with mapped_errors():
        return _plain(client().messages(sid).fetch())


@dataclass(frozen=True, slots=True)
class InboundText:
    """An inbound text. `service` is the messaging service that `to` belongs to, empty if Twilio
    names none; `created_at` is UTC.
    """

    sid: str
    account_sid: str
    sender: str
    to: str
    service: str
    body: str
    media: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InboundPage:
    """Inbound texts, newest first, and the URL of the next page, which is empty at the end."""

    texts: list[InboundText]
    next_page: str


def list_inbound(since: datetime, page: str = "") -> InboundPage:
    """Fetch a page of the texts received since a time, over all our numbers; `page` is the URL of a
    next page.

    Twilio lists inbound texts only together with outbound ones, newest first. It documents dates as
    bounds of the list but accepts times as well (twilio/twilio-oai#21). If it ever stops doing so,
    we read the rest of the day needlessly, until the first page that reaches back before `since`.
    """
    with mapped_errors():
        found = (
            client().messages.get_page(page)
            if page
            else client().messages.page(date_sent_after=since, page_size=LARGEST_PAGE)
        )
        rows = list(found)
        times = [each.date_sent for each in rows if each.date_sent]
        is_over = not found.next_page_url or (bool(times) and min(times) < since)
        texts = [_inbound(each) for each in rows if _is_inbound(each)]
        return InboundPage(
            [each for each in texts if each is not None and each.created_at >= since],
            "" if is_over else str(found.next_page_url),
        )


def fetch_inbound(sid: str) -> InboundText | None:
    """Fetch one inbound text; None if it lacks a required field."""
    with mapped_errors():
        return _inbound(client().messages(sid).fetch())


def list_texts_from(sender: str, since: datetime) -> list[InboundText]:
    """List the texts from `sender` since a time, newest first."""
    with mapped_errors():
        rows = client().messages.list(from_=sender, date_sent_after=since, limit=MAX_LISTED)
        texts = [_inbound(each) for each in rows if _is_inbound(each)]
    return [each for each in texts if each is not None]


def _is_inbound(message: Any) -> bool:
    return text(message.direction) == "inbound"


def _inbound(message: Any) -> InboundText | None:
    """Read an inbound text; None, with an error in the log, if it lacks a required field, so that
    it does not block the others.
    """
    try:
        return InboundText(
            sid=word(message.sid),
            account_sid=text(message.account_sid),
            sender=word(message.from_),
            to=word(message.to),
            service=text(message.messaging_service_sid),
            body=text(message.body),
            media=text(message.num_media),
            created_at=_required_time(message.date_created or message.date_sent),
        )
    except ValueError as error:
        log.error("Twilio lists a text that cannot be read; it is skipped", why=str(error))
        return None


def _required_time(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("a text without a time")
    return moment


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
