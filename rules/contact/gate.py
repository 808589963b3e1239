"""The gate: may this person be contacted over this channel now? The one place that says so.

A pure decision. It returns Allowed with an end time, or Refused with one code, a reason and the
time from which asking again may help (None: waiting does not help). Callers ask inside the
transaction that reserves the attempt, so that a payment, an opt-out or a pause that commits before
stops it.

Codes, in the order in which they are looked for:

| code | meaning | waiting helps |
|---|---|---|
| `no_phone` | no number is known | no |
| `invoice_paid` | nothing is owed any more | no |
| `invoice_disputed` | a payment of it is disputed: collection stops | no |
| `invoice_not_collectable` | draft, cancelled or written off | no |
| `opted_out` | the person has said stop | no |
| `suppressed` | the number cannot or must not be used (landline, wrong number …) | no |
| `no_consent` | no consent of this person to this channel for this number | no |
| `sender_not_ready` | the account has no sender, or this installation no public address | no |
| `paused` | an operator has paused this channel | no |
| `payment_processing` | a payment is under way | no |
| `unknown_time_zone` | the person may be anywhere, or no hour is lawful in all their zones | no |
| `quiet_hours` | before 8:00 or after 21:00 in one of their zones (12 CFR 1006.6(b)) | yes |
| `person_cap` | the person has had the day's most | yes |
| `account_ceiling` | the account has had its ceiling of the day | yes |
| `books_stale` | Stripe's events were last read hours ago: a payment may be missing | once read |
| `books_not_current` | events of this account wait to be taken in | yes, seconds |
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Channel = Literal["sms", "voice"]
Books = Literal["current", "behind", "stale"]
DAY = timedelta(days=1)
SOON = timedelta(seconds=30)
LATER = timedelta(minutes=10)
TRANSIENT = frozenset({"books_not_current"})


@dataclass(frozen=True, slots=True)
class Policy:
    """Hours are local; `margin`: how long before closing the last contact may begin; `per_person`:
    in 24 hours.
    """

    opening_hour: int = 8
    closing_hour: int = 21
    margin: timedelta = timedelta(minutes=3)
    per_person: int = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one person, one invoice and one channel, gathered in the deciding
    transaction.
    """

    channel: Channel
    phone: str
    invoice_status: str
    disputed: bool
    opted_out: bool
    suppressed: str
    consented: bool
    sender_trouble: str
    paused: bool
    payment_processing: bool
    zones: tuple[str, ...]
    recent: tuple[datetime, ...]
    ceiling_lifts_at: datetime | None  # None: it is not reached
    books: Books


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go ahead; what is sent must have arrived by `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Do not. `next_at`: when asking again may help; None: waiting does not."""

    code: str
    reason: str
    next_at: datetime | None = None


Answer = Allowed | Refused
DEFAULT = Policy()


def may_contact(facts: Facts, now: datetime, policy: Policy = DEFAULT) -> Answer:
    """The gate's answer at `now` (business time, UTC)."""
    return (
        next(_about_the_debt(facts), None)
        or next(_about_the_person(facts), None)
        or _about_the_time(facts, now, policy)
    )


def _about_the_debt(facts: Facts) -> Iterator[Refused]:
    if not facts.phone:
        yield Refused(
            "no_phone", "The customer has no phone number. Add one, such as +12025550123."
        )
    if facts.invoice_status == "paid":
        yield Refused(
            "invoice_paid", "The invoice is paid: nothing is owed, and nothing needs to be sent."
        )
    if facts.disputed:
        yield Refused(
            "invoice_disputed",
            "A payment of the invoice is disputed; it cannot be collected until the dispute is"
            " over. Answer it in Stripe's dashboard.",
        )
    if facts.invoice_status not in {"sent", "overdue"}:
        yield Refused(
            "invoice_not_collectable",
            f"The invoice is {facts.invoice_status.replace('_', ' ')}; only sent and overdue"
            " invoices are collected. Send it first if it is a draft.",
        )


def _about_the_person(facts: Facts) -> Iterator[Refused]:
    if facts.opted_out:
        yield Refused(
            "opted_out",
            f"The person has opted out of {facts.channel}. Only they can end that: with START for"
            " texts, or with a later consent that says so.",
        )
    if facts.suppressed:
        yield Refused(
            "suppressed",
            f"{facts.suppressed.rstrip('.')}. Lift the suppression if a person knows better.",
        )
    if not facts.consented:
        yield Refused(
            "no_consent",
            f"There is no consent to {facts.channel} for this number. Record one once the person"
            " has agreed.",
        )
    if facts.sender_trouble:
        yield Refused(
            "sender_not_ready",
            f"{facts.sender_trouble.rstrip('.')}. Ask the operator to set it.",
        )
    if facts.paused:
        yield Refused(
            "paused",
            f"An operator has paused {facts.channel}. Ask them when it goes on.",
        )
    if facts.payment_processing:
        yield Refused(
            "payment_processing",
            "A payment of the invoice is being processed. Wait until it has arrived or failed.",
        )


def _about_the_time(facts: Facts, now: datetime, policy: Policy) -> Answer:
    until = closing(facts.zones, now, policy)
    if until is None:
        opening = next_opening(facts.zones, now, policy)
        if opening is None:
            return Refused(
                "unknown_time_zone",
                "The person's time zone is not known, so no hour is known to be lawful. Add their"
                " time zone or address.",
            )
        return Refused(
            "quiet_hours",
            f"It is before {policy.opening_hour}:00 or after {policy.closing_hour}:00 where the"
            " person may be; contact is allowed between. Ask again then.",
            opening,
        )
    recent = sorted(at for at in facts.recent if at > now - DAY)
    if len(recent) >= policy.per_person:
        free = recent[-policy.per_person] + DAY
        return Refused(
            "person_cap",
            f"The person has been contacted {len(recent)} times in 24 hours, and may be"
            f" {policy.per_person} times. Ask again tomorrow.",
            next_opening(facts.zones, free, policy),
        )
    if facts.ceiling_lifts_at is not None:
        return Refused(
            "account_ceiling",
            "The account has reached its ceiling of the day. Ask again tomorrow, or ask the"
            " operator to raise it.",
            next_opening(facts.zones, facts.ceiling_lifts_at, policy),
        )
    return _about_the_books(facts, now) or Allowed(until)


def _about_the_books(facts: Facts, now: datetime) -> Refused | None:
    if facts.books == "stale":
        reason = (
            "Stripe's list of this account's events has not been read for hours, so a payment may"
            " be missing here. Ask the operator to run `bin/payphone doctor`."
        )
        return Refused("books_stale", reason, now + LATER)
    if facts.books == "behind":
        return Refused(
            "books_not_current",
            "Events about this account's payments are waiting to be processed. Ask again in half a"
            " minute.",
            now + SOON,
        )
    return None


def closing(zones: tuple[str, ...], now: datetime, policy: Policy = DEFAULT) -> datetime | None:
    """Until when it is a lawful hour in all of `zones`; None when it is not, or nearly over, in one
    of them.
    """
    ends = []
    for zone in zones:
        local = now.astimezone(ZoneInfo(zone))
        end = _at(local, policy.closing_hour)
        if local < _at(local, policy.opening_hour) or end - now < policy.margin:
            return None
        ends.append(end)
    return min(ends, default=None)


def next_opening(
    zones: tuple[str, ...], after: datetime, policy: Policy = DEFAULT
) -> datetime | None:
    """The first moment at or after `after` that is a lawful hour in all of `zones`; None when there
    is none in three days.
    """
    if closing(zones, after, policy) is not None:
        return after
    openings = (
        _at(after.astimezone(ZoneInfo(zone)) + days * DAY, policy.opening_hour)
        for zone in zones
        for days in range(4)
    )
    return next(
        (
            moment
            for moment in sorted(openings)
            if moment > after and closing(zones, moment, policy) is not None
        ),
        None,
    )


def _at(local: datetime, hour: int) -> datetime:
    """That hour of the local day, as a moment in UTC."""
    return local.replace(hour=hour, minute=0, second=0, microsecond=0).astimezone(UTC)
