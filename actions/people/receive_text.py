"""A text of somebody's is taken in: what they wish is recorded, and what else they say is work.

Each text counts once, by its sid, however often it is brought.
"""

import json

from actions.contact.opt_out.record_wish import accounts_told, record_wish, service_meant
from actions.people.hear_reply import hear_reply
from actions.people.lock_order import lock_people_at
from models.books.inbox_event import InboxEvent
from models.contact.work_item import WorkItem
from rules.contact.opt_out.words import Wish, wish_of
from runtime.clock import real_now

PROVIDER = "twilio"
RECEIVED = "message.received"
BY_TWILIO: dict[str, Wish] = {"STOP": "stop", "START": "start", "HELP": "help"}


def wish_in(fields: dict[str, str]) -> Wish:
    """What a text asks for: Twilio's own reading of it goes before ours."""
    return BY_TWILIO.get(fields.get("OptOutType", "")) or wish_of(fields["Body"])


def receive_text(fields: dict[str, str], wish: Wish) -> bool:
    """Take in a text, `fields` as in Twilio's webhook and `Body` without card numbers, in the open
    transaction; whether it is new.
    """
    now, sid = real_now(), fields["MessageSid"]
    inbox_id = InboxEvent.receive(PROVIDER, "", sid, RECEIVED, json.dumps(fields), now)
    if inbox_id is None:
        return False
    accounts: list[str] = []
    told: list[str] = []
    is_heard = wish not in {"start", "help"}
    if is_heard:  # whatever else is said may place holds
        told = _accounts_told(fields)
        lock_people_at(fields.get("From", ""), told)
    if wish in {"stop", "start"}:
        accounts = record_wish(
            wish,
            fields.get("From", ""),
            fields.get("To", ""),
            fields.get("MessagingServiceSid", ""),
            fields["Body"],
            sid,
        )
    items = _hear(fields, accounts or told, wish == "stop") if is_heard else []
    reason = f"{wish or 'no wish'}, heard for {len(accounts)} accounts"
    if items:
        reason += f"; {items[0].context['class'].replace('_', ' ')}: {len(items)} work items"
    InboxEvent.get_by_id(inbox_id).record_outcome(
        "applied" if wish or items else "ignored", now, reason=reason
    )
    return True


def _accounts_told(fields: dict[str, str]) -> list[str]:
    """Whom a text concerns, besides who is found for a wish alone."""
    phone, number = fields.get("From", ""), fields.get("To", "")
    service = service_meant(number, fields.get("MessagingServiceSid", ""))
    return accounts_told(phone, number, service)


def _hear(fields: dict[str, str], accounts: list[str], has_stopped: bool) -> list[WorkItem]:
    """The work items of what else was said."""
    phone, number = fields.get("From", ""), fields.get("To", "")
    service = service_meant(number, fields.get("MessagingServiceSid", ""))
    sid = fields["MessageSid"]
    return hear_reply(phone, number, service, fields["Body"], sid, accounts, has_stopped)
