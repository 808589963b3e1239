"""Preview what the ladder would do in the next days if nothing else happened: a dry run of the
scan. Nothing is written or sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from actions.contact.ladder.ask_gate import Found, ask, is_by_hand
from actions.contact.ladder.owing import Owing, owing_of, rungs_of
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.invoices.invoice import Invoice
from models.reports.ladder_course import Course
from models.transactions import execute, transaction
from rules.contact.ladder import LastContacts, Rung, Way, rung_reached
from runtime.clock import business_now

MOST_WAITS = 5  # how often a refusal is waited out, per rung


@dataclass(frozen=True, slots=True)
class Happening:
    """A contact that would be made at `at`, as a draft first if `is_draft`, or the reason why
    not.
    """

    at: datetime
    channel: Way
    days: int
    invoice_ids: tuple[str, ...]
    is_draft: bool = False
    code: str = ""
    reason: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """What would happen to one customer."""

    customer_id: str
    contacts: tuple[Happening, ...]


def preview(account: Account, days: int, after: str, limit: int) -> tuple[list[Coming], bool]:
    """The account's customers who are due within `days`, by id, after `after`, and whether there
    are more than `limit`.
    """
    now = business_now()
    rungs = rungs_of(AccountSettings.of_account(account.id))
    last_day = account.local_date(now) + timedelta(days=days)
    if not rungs:
        return [], False
    people = _people(account.id, last_day - timedelta(days=rungs[0].days), after, limit + 1)
    shown = [preview_of(customer_id, now, last_day) for customer_id in people[:limit]]
    return shown, len(people) > limit


def preview_of(customer_id: str, now: datetime, last_day: date) -> Coming:
    """What would happen to one customer up to a day."""
    with transaction():
        owing = owing_of(customer_id, now, up_to=last_day)
        return Coming(customer_id, tuple(_happenings(owing, last_day)))


def _people(account_id: str, due_by: date, after: str, limit: int) -> list[str]:
    """The ids of customers who owe an invoice due by a day."""
    rows = execute(
        "SELECT DISTINCT customer_id FROM invoice WHERE account_id = ? AND customer_id > ?"
        " AND status IN ('sent', 'overdue') AND due_date <= ? ORDER BY customer_id LIMIT ?",
        (account_id, after, due_by.isoformat(), limit),
    ).fetchall()
    return [row[0] for row in rows]


def _happenings(owing: Owing, last_day: date) -> Iterator[Happening]:
    while (climb := owing.next_rung()) is not None and climb.on <= last_day:
        owing = replace(owing, now=owing.opening(climb.on))
        rung, invoices = climb.rung, owing.named(climb.invoice_ids)
        ids = climb.invoice_ids
        owing, found = _asked(owing, rung, invoices, last_day)
        channel: Way = "person" if rung.way == "person" else owing.channel(rung)
        left = owing.only(found.invoices)
        if found.refused is not None and (not found.invoices or left.awaits(rung)):
            why = found.refused
            yield Happening(
                owing.now, channel, rung.days, ids, False, why.code, why.reason, why.next_at
            )
            return
        owing = left
        if not owing.awaits(rung):
            continue
        named = tuple(invoice.id for invoice in found.invoices)
        if rung.way == "person":
            yield Happening(owing.now, channel, rung.days, named)
            owing = _handed_over(owing, named)
            continue
        is_draft = owing.settings.first_contacts == "draft" and not is_by_hand(owing, rung)
        yield Happening(owing.now, channel, rung.days, named, is_draft)
        called = channel == "voice"
        owing = _heard(owing, named, called=called)


def _asked(
    owing: Owing, rung: Rung, invoices: Sequence[Invoice], last_day: date
) -> tuple[Owing, Found]:
    """The gate's answer, asked again after each refusal that ends by the last day."""
    found = ask(owing, rung, invoices)
    for _ in range(MOST_WAITS):
        later = found.refused.next_at if found.refused is not None else None
        if later is None or owing.account.local_date(later) > last_day:
            break
        owing = replace(owing, now=max(later, owing.now))
        found = ask(owing, rung, invoices)
    return owing, found


def _handed_over(owing: Owing, ids: Sequence[str]) -> Owing:
    """The state after staff take over."""
    owed = tuple(
        replace(one, handed_over=one.handed_over or one.id in ids) for one in owing.course.owed
    )
    return replace(owing, course=replace(owing.course, owed=owed))


def _heard(owing: Owing, ids: Sequence[str], *, called: bool) -> Owing:
    """The state after the contact."""
    today, known = owing.today, owing.course
    owed = tuple(
        replace(one, climbed=max(one.climbed, rung_reached(owing.rungs, one, today)))
        if one.id in ids
        else one
        for one in known.owed
    )
    heard = LastContacts(today, today if called else known.heard.last_call_on)
    return replace(owing, course=Course(owed, heard))
