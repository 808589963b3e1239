"""The contact ladder: when and how a person who owes money is contacted; the rung that is due, and
the next one.

It is climbed per person. Each overdue invoice remembers the highest rung at which it was named, and
one contact names all overdue invoices. Missed rungs are not made up for: only the latest rung that
is due counts. Several invoices do not add up to more contacts than one would cause: each rung keeps
its distance from the one before it.

Days are dates in the account's time zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

Way = Literal["sms", "voice", "person"]
Purpose = Literal["reminder", "collection"]

MOST_RUNGS = 12
LAST_DAY = 365  # after the due date


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: a text, a call, or a work item for staff, `days` after the due date.

    `template`: the kind of text. `purpose`: a friendly `reminder`, or a `collection` action, for
    which some states require an older debt.
    """

    days: int
    way: Way
    template: str = ""
    purpose: Purpose = "reminder"


DEFAULT: tuple[Rung, ...] = (
    Rung(3, "sms", "payment_link"),
    Rung(7, "voice"),
    Rung(14, "sms", "reminder"),
    Rung(21, "voice"),
    Rung(28, "person"),
)
MOST_NAMED = 5  # invoices that one text names, each with its address
# refusals about one debt: another debt of the same person may still be collected
OF_ONE_DEBT = frozenset(
    {
        "invoice_paid",
        "invoice_disputed",
        "invoice_not_collectable",
        "payment_processing",
        "promised",
        "debt_too_young",
        "recent_conversation",
        "debt_cap",
        "books_not_current",
        "payment_refused",
    }
)
# refusals that end, but at a time we are not told
SOON_OVER = frozenset(
    {
        "paused",
        "payment_processing",
        "sender_not_ready",
        "sender_unregistered",
        "books_stale",
        "number_not_checked",
        "text_on_its_way",
        "no_caller_number",
        "call_under_way",
        "call_in_doubt",
    }
)
# the minimum days between two calls, by the account's `callFrequency`
CALL_GAPS = {"daily": 1, "every_3_days": 3, "weekly": 7, "every_2_weeks": 14}


@dataclass(frozen=True, slots=True)
class UnpaidInvoice:
    """An unpaid invoice. `climbed`: the days of the highest rung at which it was named, or 0.
    `handed_over`: whether staff have taken over.
    """

    id: str
    due_on: date
    climbed: int = 0
    handed_over: bool = False

    def age(self, day: date) -> int:
        """How many days the invoice has been due."""
        return (day - self.due_on).days


@dataclass(frozen=True, slots=True)
class LastContacts:
    """The days on which the person was last contacted, and last called."""

    last_on: date | None = None
    last_call_on: date | None = None


@dataclass(frozen=True, slots=True)
class NextRung:
    """A rung, the first day on which it may be climbed, and the invoices it is about, the longest
    overdue first.
    """

    rung: Rung
    on: date
    invoice_ids: tuple[str, ...]


def read_ladder(rows: Sequence[dict[str, Any]] | None) -> tuple[Rung, ...]:
    """Parse an account's stored rungs; None means the default ladder."""
    return DEFAULT if rows is None else tuple(Rung(**row) for row in rows)


def ladder_errors(rungs: Sequence[Rung]) -> list[str]:
    """What is wrong with a ladder, in words for its author."""
    days = [rung.days for rung in rungs]
    faults = []
    if days != sorted(set(days)):
        faults.append("the days must grow from rung to rung, each once")
    if any(rung.template and rung.way != "sms" for rung in rungs):
        faults.append("only a text has a template")
    if any(rung.way == "person" for rung in rungs[:-1]):
        faults.append("a person comes last: nothing follows them")
    return faults


def links_only(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """The ladder of an account that collects by links only: calls become texts."""
    return tuple(
        Rung(rung.days, "sms", "reminder", rung.purpose) if rung.way == "voice" else rung
        for rung in rungs
    )


def rung_reached(rungs: Sequence[Rung], owed: UnpaidInvoice, day: date) -> int:
    """The rung that an invoice has reached when it is named on a day: the latest one due."""
    return max((rung.days for rung in rungs if rung.days <= owed.age(day)), default=owed.climbed)


def next_rung(
    rungs: Sequence[Rung],
    invoices: Sequence[UnpaidInvoice],
    heard: LastContacts,
    call_gap: int,
    today: date,
) -> NextRung | None:
    """The next contact with the person, today or later; None if all rungs have been climbed."""
    firsts = [
        one.due_on + timedelta(days=rung.days)
        for one in invoices
        for rung in rungs
        if awaits(rungs, one, rung)
    ]
    if not firsts:
        return None
    day = max(today, min(firsts))
    while True:
        rung = _due(rungs, invoices, day)
        may_be_on = max(day, _earliest(rungs, rung, heard, call_gap))
        if may_be_on == day:
            return NextRung(rung, day, _overdue(invoices, day))
        day = may_be_on  # a later rung may be due by then


def awaits(rungs: Sequence[Rung], owed: UnpaidInvoice, rung: Rung) -> bool:
    """Whether the rung is still to come for an invoice.

    Staff take over only once, and only an invoice that was named in a contact before, if the ladder
    has contacts: an invoice that is already old when it is imported does not go to staff at once. A
    text or call cannot replace that handover, however late it is.
    """
    if rung.way == "person":
        return not owed.handed_over and (owed.climbed > 0 or rung == rungs[0])
    return rung.days > owed.climbed


def _due(rungs: Sequence[Rung], invoices: Sequence[UnpaidInvoice], day: date) -> Rung:
    """The latest rung due on a day on which at least one is due."""
    return max(
        (
            rung
            for rung in rungs
            for one in invoices
            if awaits(rungs, one, rung) and rung.days <= one.age(day)
        ),
        key=lambda rung: rung.days,
    )


def _earliest(rungs: Sequence[Rung], rung: Rung, heard: LastContacts, call_gap: int) -> date:
    """The first day on which a rung keeps its distance from the person's last contact."""
    days = [one.days for one in rungs]
    distances = {one: one - before for before, one in pairwise(days)}
    # a first contact about one invoice may follow a contact about another, at the smallest distance
    distances[days[0]] = min(distances.values(), default=days[0])
    earliest = date.min
    if heard.last_on is not None:
        earliest = heard.last_on + timedelta(days=distances[rung.days])
    if rung.way == "voice" and heard.last_call_on is not None:
        earliest = max(earliest, heard.last_call_on + timedelta(days=call_gap))
    return earliest


def _overdue(invoices: Sequence[UnpaidInvoice], day: date) -> tuple[str, ...]:
    """The ids of the invoices overdue on a day, the longest overdue first."""
    late = sorted((one.due_on, one.id) for one in invoices if one.due_on < day)
    return tuple(invoice_id for _, invoice_id in late)
