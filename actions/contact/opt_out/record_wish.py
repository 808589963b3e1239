"""An opt-out or opt-in by text: whose it is, and for which accounts and senders it is recorded."""

from datetime import datetime
from typing import Any

from peewee import SQL

from models.contact.account_sender import AccountSender, accounts_of_sender
from models.contact.message import Message
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.deployment.phone_line import PhoneLine
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.contact.replies import class_of
from runtime.settings import get_settings

MAX_WORDS = 500
ELSEWHERE = "inbound_sms_from_another_number"  # the source of what Twilio heard of another number
_asked_for = SQL("contact_request ->> 'phone'")  # the number at which they asked to be contacted


def record_wish(
    wish: str,
    phone: str,
    number: str,
    service: str,
    words: str,
    reference: str,
    said_at: datetime | None = None,
) -> list[str]:
    """Record "stop" (every channel) or "start" (texts only) of the person at `phone`; the accounts
    it applies to. `said_at` is when it was said, if not now: of several wishes the last one counts,
    in whichever order they are heard. A stop also counts for an account whose sender it is by now.

    It is also recorded for the sender itself, for accounts that start to use it later; and a stop
    for the person's other numbers, unless this one is somebody else's.
    """
    nobodys = not service and not accounts_of_sender("", number)
    if nobodys:  # it may be in the shared service
        service = get_settings().twilio_messaging_service_sid
    channels = CHANNELS if wish == "stop" else ("sms",)
    said = {
        "words": words[:MAX_WORDS],
        "source": "inbound_sms",
        "reference": reference,
        "recorded_by": "twilio",
        **({"at": said_at} if said_at else {}),
    }
    accounts = accounts_told(phone, number, service, said_at if wish == "start" else None)
    if wish == "stop" and nobodys and not number.startswith("+"):
        # An RCS agent or a page: the name does not tell whose it is, so whoever texted them stops.
        accounts = sorted({*accounts, *_texters(Message.to == phone)})
    others = _other_numbers(phone, accounts, words) if wish == "stop" else set()
    serialize_on(*map(person_key, sorted({phone, *(other for _, other in others)})))
    for account_id in accounts:
        OptOut.record(account_id, phone, wish, channels, sender=service or number, **said)
    for account_id, other in sorted(others):
        OptOut.record(account_id, other, wish, channels, **said | {"source": ELSEWHERE})
    for sender in sorted({service, number} - {""}):
        OptOut.record(None, phone, wish, channels, sender=sender, **said)
    return accounts


def _other_numbers(phone: str, accounts: list[str], words: str) -> set[tuple[str, str]]:
    """The accounts' other numbers of whoever is at this phone; none of a wrong number's."""
    found = class_of(words, has_stopped=True)
    if found is not None and found.suppresses:
        return set()
    return {
        (person.account_id, number)
        for person in Customer.at_phone(phone, accounts)
        for number in (person.phone, person.preferred_phone)
        if number and number != phone
    }


def service_meant(number: str, service: str) -> str:
    """The messaging service that a text came to: a number that is nobody's own may be in the shared
    one.
    """
    is_nobodys = not service and not accounts_of_sender("", number)
    return (get_settings().twilio_messaging_service_sid or "") if is_nobodys else service


def owners_of(service: str, number: str, by: datetime | None = None) -> set[str]:
    """Whose sender it is, or was by a time, and whose line: people answer the number that rang
    them, also where the clinic texts by another one.
    """
    owners, line = set(accounts_of_sender(service, number, by)), PhoneLine.reached_at(number)
    if line is not None and (by is None or line.created_at <= by):
        owners.add(line.account_id)
    return owners


def accounts_told(phone: str, number: str, service: str, by: datetime | None = None) -> list[str]:
    """Whose sender or line it is, or was by a time, who has texted this person with it, and, when
    it is shared, who knows this person.
    """
    found = owners_of(service, number, by)
    found |= _texters((Message.to == phone) & Message.sender.in_([number, service or number]))
    if service and service == get_settings().twilio_messaging_service_sid:
        own = AccountSender.select(AccountSender.account)
        knows = (
            Customer.select(Customer.account)
            .where((Customer.phone == phone) | (_asked_for == phone), Customer.account.not_in(own))
            .distinct()
        )
        found |= {row.account_id for row in knows}
    return sorted(found)


def _texters(which: Any) -> set[str]:
    """The accounts of these texts."""
    rows = Message.select(Message.account).where(which).distinct()
    return {row.account_id for row in rows}
