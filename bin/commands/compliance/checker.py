"""A second reading of the rules about contacting people, written from their text. It imports
nothing of the gate, neither its table nor its arithmetic.

It takes one contact about to be made and returns, by the gate's codes, every rule that it would
break. Where the gate adds up intervals, the checker reads the local clock of each place and counts.
Sources: 12 CFR 1006.6 and 1006.14; 47 CFR 64.1200; 45 CFR 164.522(b) and 149.620; state and city
rules as `docs/contact-rules.md` cites them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

FIRST_MINUTE, LAST_MINUTE = 8 * 60, 21 * 60  # of a local day
NEARLY_OVER = 3  # minutes before the end of the day's hours in which no contact is begun
# a call that rings or reaches a mailbox has connected
NOT_CONNECTED = {"busy", "dead_line", "not_placed"}
# in every other call the person may have been spoken to: an unknown outcome, and a silent call,
# count as conversations until the opposite is known
NOT_SPOKEN = NOT_CONNECTED | {"no_answer", "voicemail", "somebody_else"}
HELD = {
    "deceased": "deceased",
    "bankruptcy": "bankruptcy",
    "attorney": "attorney_represented",
    "ppdr": "ppdr_open",
    "dispute": "bill_disputed",
    "insurance": "insurance_appeal",
    "hardship": "hardship",
    "other": "on_hold",
    "later": "asked_for_later",
}
# the most contacts that may precede the next one
IN_A_DAY, CALLS_IN_A_WEEK, CALLS_IN_MASSACHUSETTS, CALLS_IN_DC = 3, 7, 2, 3
IN_NEW_YORK_CITY, BY_AGENCIES_IN_WASHINGTON = 3, 3
DUE_IN_DC, YOUNGEST_FOR_ACTIONS, SILENT_DAYS = 30, 120, 7
NEW_YORK_CITY_FROM = date(2026, 9, 1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = timedelta(days=7, hours=1)  # with the extra hour when clocks go back


@dataclass(frozen=True, slots=True, eq=False)
class Home:
    """A phone number and an address, and the facts about them: time zones, state, and whether in
    New York City.
    """

    phone: str
    address: dict[str, str] | None
    zones: tuple[str, ...]
    state: str
    in_city: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A contact in the log."""

    at: datetime
    by: str  # sms or voice
    debt: str
    outcome: str
    asked_for: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A person, a debt, a clinic, and the contact to judge."""

    home: Home
    by: str
    debt: str
    debt_status: str
    due_on: date
    billed_on: date
    disputed: bool
    processing: bool
    promised_until: datetime | None
    opted_out: bool
    holds: tuple[tuple[str, datetime | None], ...]
    wished_channel: str
    wished_phone: str
    suppressed: bool
    consented_at: datetime | None
    in_writing: bool
    looked_up_at: datetime | None
    changed_hands: bool
    for_others: bool
    ready: bool
    registration: str
    paused: bool
    ceiling_until: datetime | None
    quiet_days: tuple[str, ...]
    somebody_introduces: bool
    consent_days: int | None
    look_up_days: int | None
    is_action: bool
    is_offer: bool
    is_machine: bool
    told_nothing: bool = False  # Twilio gave no answer when the number was last looked up


def broken(case: Case, log: list[Made], at: datetime) -> set[str]:
    """Return the codes of all rules that contacting the person at `at` would break."""
    return {
        *_of_the_debt(case, at),
        *_of_the_person(case, at),
        *_of_the_number(case, at),
        *_of_the_clinic(case, at),
        *_of_the_clock(case, at),
        *_of_the_log(case, log, at),
    }


def _of_the_debt(case: Case, at: datetime) -> Iterator[str]:
    if case.debt_status == "paid":
        yield "invoice_paid"
    if case.debt_status not in ("sent", "overdue"):
        yield "invoice_not_collectable"
    if case.disputed:
        yield "invoice_disputed"
    if case.processing:
        yield "payment_processing"
    if case.promised_until is not None and at < case.promised_until:
        yield "promised"


def _of_the_person(case: Case, at: datetime) -> Iterator[str]:
    if case.opted_out:
        yield "opted_out"
    for kind, until in case.holds:
        if until is None or at < until:
            yield HELD[kind]
    if case.wished_channel and case.wished_channel != case.by:
        yield "contact_request"
    if case.wished_phone and case.wished_phone != case.home.phone:
        yield "contact_request"


def _of_the_number(case: Case, at: datetime) -> Iterator[str]:
    if case.suppressed:
        yield "suppressed"
    if case.consented_at is None or at < case.consented_at:
        yield "no_consent"
        return
    known_for = (at - case.consented_at) // timedelta(days=1)
    if case.consent_days is not None and known_for >= case.consent_days:
        yield "consent_too_old"
    if case.is_offer and not case.in_writing:
        yield "no_written_consent"
    if case.changed_hands:
        yield "number_reassigned"
    elif case.look_up_days is not None and _is_unsure(case, at, known_for, case.look_up_days):
        yield "number_not_known" if case.told_nothing else "number_not_checked"


def _is_unsure(case: Case, at: datetime, known_for: int, days: int) -> bool:
    """Whether the number was never looked up, or both consent and lookup are old."""
    if case.looked_up_at is None:
        return True
    return known_for >= days and (at - case.looked_up_at) // timedelta(days=1) >= days


def _of_the_clinic(case: Case, at: datetime) -> Iterator[str]:
    if case.by == "sms" and case.for_others:
        yield "third_party_sms"
    if case.by == "voice" and case.for_others and case.is_machine:
        yield "third_party_call"
    if case.by == "sms" and case.registration not in {"", "approved"}:
        yield "sender_unregistered"
    is_automated = case.by == "voice" and case.is_machine and not case.somebody_introduces
    if is_automated and case.home.state == "CA":
        yield "natural_voice_required"
    if not case.ready:
        yield "sender_not_ready"
    if case.paused:
        yield "paused"
    if case.ceiling_until is not None and at < case.ceiling_until:
        yield "account_ceiling"


def _of_the_clock(case: Case, at: datetime) -> Iterator[str]:
    has_age = case.is_action and case.home.state in {"NJ", "WA"}
    for wall in (at.astimezone(ZoneInfo(zone)) for zone in case.home.zones):
        seconds = wall.hour * 3600 + wall.minute * 60 + wall.second + wall.microsecond / 1_000_000
        if not FIRST_MINUTE * 60 <= seconds <= (LAST_MINUTE - NEARLY_OVER) * 60:
            yield "quiet_hours"
        day = wall.date().isoformat()
        if not {WEEKDAYS[wall.weekday()], day[5:], day}.isdisjoint(case.quiet_days):
            yield "quiet_day"
        if has_age and (wall.date() - case.billed_on).days < YOUNGEST_FOR_ACTIONS:
            yield "debt_too_young"


def _of_the_log(case: Case, log: list[Made], at: datetime) -> Iterator[str]:
    counted = [one for one in log if one.outcome not in NOT_CONNECTED and not one.asked_for]
    if len([one for one in counted if at - one.at < timedelta(hours=24)]) >= IN_A_DAY:
        yield "person_cap"
    this_week = [one for one in counted if at - one.at < WEEK]
    about_it = [one for one in this_week if one.debt == case.debt]
    home, by_law = case.home, case.for_others or _latest_day(case, at) >= NEW_YORK_CITY_FROM
    if home.in_city and by_law and len(about_it) >= IN_NEW_YORK_CITY:
        yield "debt_cap"
    if home.state == "WA" and case.for_others and len(this_week) >= BY_AGENCIES_IN_WASHINGTON:
        yield "person_cap"
    if case.by == "voice":
        begun = [one for one in log if at - one.at < WEEK and one.outcome != "not_placed"]
        begun = [one for one in begun if one.by == "voice" and one.debt == case.debt]
        mine = [one for one in begun if not one.asked_for]
        if home.state == "MA" and len(mine) >= CALLS_IN_MASSACHUSETTS:
            yield "debt_cap"
        yield from _of_the_calls(case, [one for one in this_week if one.by == "voice"], at)
        if any(_is_within_the_week_of(one, case, at) for one in log):
            yield "recent_conversation"


def _of_the_calls(case: Case, calls: list[Made], at: datetime) -> Iterator[str]:
    about_it = len([one for one in calls if one.debt == case.debt])
    if about_it >= CALLS_IN_A_WEEK:
        yield "debt_cap"
    days_due = (_latest_day(case, at) - case.due_on).days
    if case.home.state == "DC" and days_due > DUE_IN_DC and len(calls) >= CALLS_IN_DC:
        yield "person_cap"


def _is_within_the_week_of(one: Made, case: Case, at: datetime) -> bool:
    """Whether that call might have been a conversation about the debt, and `at` is within the seven
    days that begin with its day, anywhere the person might be.
    """
    if one.by != "voice" or one.outcome in NOT_SPOKEN or one.debt != case.debt:
        return False
    first = _latest_day(case, one.at)
    days = [(at.astimezone(ZoneInfo(zone)).date() - first).days for zone in case.home.zones]
    return min(days) < SILENT_DAYS


def _latest_day(case: Case, at: datetime) -> date:
    return max(at.astimezone(ZoneInfo(zone)).date() for zone in case.home.zones)
