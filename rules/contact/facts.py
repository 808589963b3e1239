"""The contact gate's input (person, debt, account, history) and its answers. Facts only: neither
the time of the question nor the rules.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from rules.contact.places import NOWHERE_KNOWN, Places
from rules.contact.policy import Channel, Party

Books = Literal["current", "behind", "stale"]
Purpose = Literal["reminder", "collection", "answer"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason not to contact a person; `kind` is one of the policy's `hold.…`. It ends at `until`,
    or when it is lifted.
    """

    kind: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """How the person asked to be contacted; empty where they made no request."""

    channel: str = ""
    phone: str = ""


NO_REQUEST = ContactRequest()


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """When a lookup last checked whether the number has changed hands, and whether it has."""

    at: datetime
    reassigned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person to be contacted at `phone`, where they may be and live, and what they have asked
    for.
    """

    phone: str
    zones: tuple[str, ...]
    places: Places = NOWHERE_KNOWN
    opted_out: bool = False
    suppressed: str = ""
    consented_at: datetime | None = None
    consented_in_writing: bool = False
    holds: tuple[Hold, ...] = ()
    request: ContactRequest = NO_REQUEST
    number_check: NumberCheck | None = None
    number_unknown: str = ""  # why the last lookup gave no answer, until it may be repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """The debt that the contact would be about."""

    id: str
    status: str
    due_on: date
    billed_on: date
    disputed: bool = False
    payment_processing: bool = False
    promised_until: datetime | None = None  # including the days of grace
    books: Books = "current"


@dataclass(frozen=True, slots=True, kw_only=True)
class Creditor:
    """The account's own policy, and what blocks its contacts. `person_introduces`: a person speaks
    before the assistant does.
    """

    party: Party = "first"
    sender_trouble: str = ""
    unregistered: str = ""
    paused: bool = False
    ceiling_lifts_at: datetime | None = None  # None: not reached
    quiet_days: tuple[str, ...] = ()  # sunday, 12-25 or 2026-11-26
    person_introduces: bool = False
    consent_lasts: timedelta | None = None
    checks_numbers_after: timedelta | None = None  # None: no lookup is configured


ORDINARY = Creditor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact on any channel that was made or may have been. `asked_for`: the person had asked
    for it within the previous seven days.
    """

    at: datetime
    channel: Channel
    debt_id: str
    outcome: str = "sent"
    asked_for: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the answer depends on, except the time and the rules. The purpose `answer` is a
    message that the person expects, such as a reply or thanks: it asks for no money, so the debt
    does not count.
    """

    channel: Channel
    person: Person
    debt: Debt
    creditor: Creditor = ORDINARY
    history: tuple[Contact, ...] = ()
    purpose: Purpose = "reminder"
    is_offer: bool = False
    artificial_voice: bool = True


@dataclass(frozen=True, slots=True)
class Allowed:
    """The contact is allowed; it must arrive by `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """The contact is refused. `next_at`: when it would be allowed, as far as is known; None:
    waiting does not help. `rule`: the policy's entry, if one applies.
    """

    code: str
    reason: str
    next_at: datetime | None = None
    rule: str = ""


Answer = Allowed | Refused
