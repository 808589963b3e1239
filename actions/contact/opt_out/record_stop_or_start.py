"""Record an opt-out or opt-in by text for the accounts and senders that it concerns."""

from datetime import datetime
from typing import Any

from peewee import SQL

from models.contact.account_sender import AccountSender, accounts_of_sender
from models.contact.consent import Consent
from models.contact.message import Message
from models.contact.opt_out import CHANNELS, OptOut, person_key
from models.deployment.phone_line import PhoneLine
from models.invoices.customer import Customer
from models.transactions import serialize_on
from rules.contact.replies import classify
from runtime.settings import get_settings

MAX_WORDS = 500
ELSEWHERE = "inbound_sms_from_another_number"  # the source of an opt-out texted from another number
_asked_for = SQL("contact_request ->> 'phone'")  # where the customer asked to be contacted


def record_stop_or_start(
    wish: str,
    phone: str,
    number: str,
    service: str,
    words: str,
    reference: str,
    said_at: datetime | None = None,
) -> list[str]:
    """Record "stop" (every channel) or "start" (texts only) for `phone`, and return the accounts
    that it applies to. `said_at` is when it was sent, if not now: the last wish counts, in
    whichever order they arrive. A stop also applies to an account that has since taken over the
    sender.

    It is also recorded for the sender itself, for accounts that use it later; and a stop for the
    customer's other numbers, unless the text says that this number is someone else's.
    """
    named = number, service
    nobodys = not service and not accounts_of_sender("", number)
    if nobodys:  # the number may be in the shared service
        service = get_settings().twilio_messaging_service_sid
    channels = CHANNELS if wish == "stop" else ("sms",)
    about = {
        "words": words[:MAX_WORDS],
        "source": "inbound_sms",
        "reference": reference,
        "recorded_by": "twilio",
        **({"at": said_at} if said_at else {}),
    }
    accounts = (
        _accounts_to_start(phone, *named, said_at)
        if wish == "start"
        else accounts_concerned(phone, number, service)
    )
    if wish == "stop" and nobodys and not number.startswith("+"):
        # The name of an RCS agent or a page does not identify its account, so all accounts that
        # texted this phone stop.
        accounts = sorted({*accounts, *_texters(Message.to == phone)})
    others = _other_numbers(phone, accounts, words) if wish == "stop" else set()
    serialize_on(*map(person_key, sorted({phone, *(other for _, other in others)})))
    for account_id in accounts:
        OptOut.record(account_id, phone, wish, channels, sender=service or number, **about)
    for account_id, other in sorted(others):
        OptOut.record(account_id, other, wish, channels, **about | {"source": ELSEWHERE})
    for sender in sorted({service, number} - {""}):
        OptOut.record(None, phone, wish, channels, sender=sender, **about)
    return accounts


def _accounts_to_start(phone: str, number: str, service: str, by: datetime | None) -> list[str]:
    """The accounts for which a START to this number, or to this service as named by Twilio, counts.

    A START to a clinic's sender concerns no other clinic that texted from it before. One to a
    number that is not known to be in the shared service concerns only those users of the service
    that texted this phone.
    """
    concerned = set(accounts_concerned(phone, number, service, by))
    users, shared = owners_of(service, number, by), get_settings().twilio_messaging_service_sid
    if users and not (service and service == shared):
        concerned &= users
    elif shared and not service:
        concerned |= _texters((Message.to == phone) & (Message.sender == shared))
    return sorted(concerned)


def _other_numbers(phone: str, accounts: list[str], words: str) -> set[tuple[str, str]]:
    """The other numbers of these accounts' customers at this phone, or none if it is a wrong
    number.
    """
    found = classify(words, has_stopped=True)
    if found is not None and found.suppresses:
        return set()
    people = Consent.people_at(phone, accounts)
    return {pair for pair in Consent.numbers_of(people) if pair[1] != phone}


def receiving_service(number: str, service: str) -> str:
    """The messaging service that a text was sent to: a number that no account owns may be in the
    shared one.
    """
    is_nobodys = not service and not accounts_of_sender("", number)
    return (get_settings().twilio_messaging_service_sid or "") if is_nobodys else service


def owners_of(service: str, number: str, by: datetime | None = None) -> set[str]:
    """The accounts whose sender or line the number is, or was at `by`. Lines count because
    customers reply to the number that called them, even if the clinic texts from another one.
    """
    owners, line = set(accounts_of_sender(service, number, by)), PhoneLine.reached_at(number)
    if line is not None and (by is None or line.created_at <= by):
        owners.add(line.account_id)
    return owners


def accounts_concerned(
    phone: str, number: str, service: str, by: datetime | None = None
) -> list[str]:
    """The accounts that a text concerns: those whose sender or line it was sent to (at `by`, if
    given), those that texted this phone from it, and, if the sender is shared, those with a
    customer at this phone.
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
