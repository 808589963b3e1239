"""Take in an inbound text: record its opt-out or opt-in, and open work items for what else it says.

Twilio's webhook delivers it; what the webhook missed is found in Twilio's list. Each text counts
once, by its sid, whichever source brings it first.
"""

import json
from datetime import datetime

from actions.contact.opt_out.record_stop_or_start import (
    accounts_concerned,
    receiving_service,
    record_stop_or_start,
)
from actions.people.lock_order import lock_people_at
from actions.people.open_reply_items import open_reply_items
from models.books.inbox_event import InboxEvent
from models.contact.opt_out import OptOut
from models.contact.work_item import WorkItem
from rules.contact.opt_out.words import Keyword, keyword_of
from runtime.clock import real_now

PROVIDER = "twilio"
RECEIVED = "message.received"
BY_TWILIO: dict[str, Keyword] = {"STOP": "stop", "START": "start", "HELP": "help"}


def keyword_in(fields: dict[str, str]) -> Keyword:
    """The wish of a text: Twilio's own reading of it takes precedence over ours."""
    return BY_TWILIO.get(fields.get("OptOutType", "")) or keyword_of(fields["Body"])


def receive_text(fields: dict[str, str], wish: Keyword, said_at: datetime | None = None) -> bool:
    """Take in a text in the open transaction, and return whether it is new. `fields` are as in
    Twilio's webhook, with card numbers redacted from `Body`. `said_at` is when it was sent, if it
    was found too late for an automatic answer; then staff follow up a request for help.
    """
    now, sid = real_now(), fields["MessageSid"]
    inbox_id = InboxEvent.receive(PROVIDER, "", sid, RECEIVED, json.dumps(fields), now)
    if inbox_id is None:
        _record_missed_stop(fields, wish, said_at)
        return False
    accounts: list[str] = []
    concerned: list[str] = []
    is_heard = wish not in {"start", "help"} or (wish == "help" and said_at is not None)
    # Twilio also takes words for START that may answer a question, such as "yes"
    is_heard |= wish == "start" and not keyword_of(fields["Body"])
    if is_heard:  # any other text may place holds
        concerned = _accounts_concerned(fields, None if wish == "stop" else said_at)
        lock_people_at(fields.get("From", ""), concerned)
    if wish in {"stop", "start"}:
        accounts = _record(fields, wish, said_at)
    items = _open_items(fields, accounts or concerned, wish == "stop", said_at) if is_heard else []
    reason = f"{wish or 'no wish'}, recorded for {len(accounts)} accounts"
    if items:
        reason += f"; {items[0].context['class'].replace('_', ' ')}: {len(items)} work items"
    InboxEvent.get_by_id(inbox_id).record_outcome(
        "applied" if wish or items else "ignored", now, reason=reason
    )
    return True


def _record_missed_stop(fields: dict[str, str], wish: Keyword, said_at: datetime | None) -> None:
    """Record a STOP that was not recognised when the text was found in Twilio's list: unlike the
    webhook, the list does not carry Twilio's own reading.
    """
    phone = fields.get("From", "")
    if wish == "stop" and not OptOut.has(
        "phone = ? AND reference = ?", phone, fields["MessageSid"]
    ):
        lock_people_at(phone, _accounts_concerned(fields, None))
        _record(fields, wish, said_at)


def _record(fields: dict[str, str], wish: Keyword, said_at: datetime | None) -> list[str]:
    return record_stop_or_start(
        wish,
        fields.get("From", ""),
        fields.get("To", ""),
        fields.get("MessagingServiceSid", ""),
        fields["Body"],
        fields["MessageSid"],
        said_at,
    )


def _accounts_concerned(fields: dict[str, str], by: datetime | None) -> list[str]:
    """The accounts that a text concerns, in addition to those found for its wish."""
    phone, number = fields.get("From", ""), fields.get("To", "")
    service = receiving_service(number, fields.get("MessagingServiceSid", ""))
    return accounts_concerned(phone, number, service, by)


def _open_items(
    fields: dict[str, str], accounts: list[str], has_stopped: bool, said_at: datetime | None
) -> list[WorkItem]:
    """Open the work items for what else the text says."""
    phone, number = fields.get("From", ""), fields.get("To", "")
    service = receiving_service(number, fields.get("MessagingServiceSid", ""))
    return open_reply_items(
        phone,
        number,
        service,
        fields["Body"],
        fields["MessageSid"],
        accounts,
        has_stopped,
        said_at=said_at,
        media=fields.get("NumMedia", ""),
    )
