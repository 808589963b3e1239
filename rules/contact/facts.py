"""What the contact gate is told of a person, a debt, an account and a history, and what it answers.
Facts only: no time of the question, and none of the rules.
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
    """A reason to leave a person alone; `kind` as in the policy's `hold.…`, until it is lifted or
    over.
    """

    kind: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """How a person wants to be contacted; empty where they left it open."""

    channel: str = ""
    phone: str = ""


NO_REQUEST = ContactRequest()


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """When a look-up last asked whether the number has changed hands, and whether it has."""

    at: datetime
    reassigned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who would be contacted at `phone`, where they may be and live, and what they said."""

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
    number_unknown: str = ""  # why the last look-up told nothing, while it is not to be made again


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What they would be contacted about."""

    id: str
    status: str
    due_on: date
    billed_on: date
    disputed: bool = False
    payment_processing: bool = False
    promised_until: datetime | None = None  # with the days of grace
    books: Books = "current"


@dataclass(frozen=True, slots=True, kw_only=True)
class Creditor:
    """The account's own policy, and what holds it back. `person_introduces`: somebody speaks before
    the assistant does.
    """

    party: Party = "first"
    sender_trouble: str = ""
    unregistered: str = ""
    paused: bool = False
    ceiling_lifts_at: datetime | None = None  # None: it is not reached
    quiet_days: tuple[str, ...] = ()  # sunday, 12-25 or 2026-11-26
    person_introduces: bool = False
    consent_lasts: timedelta | None = None
    checks_numbers_after: timedelta | None = None  # None: no look-up is configured


ORDINARY = Creditor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact that was made or may have been, of any channel. `asked_for`: the person had asked
    for it within seven days before.
    """

    at: datetime
    channel: Channel
    debt_id: str
    outcome: str = "sent"
    asked_for: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the answer depends on, but for the time and the rules. An `answer` is what the
    person expects, such as a reply or thanks: it asks for no money, so the debt does not count.
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
    """Go ahead; what is sent must have arrived by `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Do not. `next_at`: when it would be allowed, as far as is known; None: waiting does not help.
    `rule`: the entry of the policy, where it is one of those.
    """

    code: str
    reason: str
    next_at: datetime | None = None
    rule: str = ""


Answer = Allowed | Refused
