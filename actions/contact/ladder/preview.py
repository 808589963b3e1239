"""Preview what the ladder would do in the next days if nothing else happened: a dry run of the
scan. Nothing is written or sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from actions.contact.ladder.ask_gate import GateAnswer, ask_gate, is_by_hand
from actions.contact.ladder.debtor import Debtor, load_debtor, rungs_of
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.invoices.invoice import Invoice
from models.reports.ladder_course import Course
from models.transactions import execute, transaction
from rules.contact.ladder import LastContacts, Rung, Way, rung_reached
from runtime.clock import business_now

MOST_WAITS = 5  # how often a refusal is waited out, per rung


@dataclass(frozen=True, slots=True)
class PreviewedContact:
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
class CustomerPreview:
    """What would happen to one customer."""

    customer_id: str
    contacts: tuple[PreviewedContact, ...]


def preview_contacts(
    account: Account, days: int, after: str, limit: int
) -> tuple[list[CustomerPreview], bool]:
    """The account's customers who are due within `days`, by id, after `after`, and whether there
    are more than `limit`.
    """
    now = business_now()
    rungs = rungs_of(AccountSettings.of_account(account.id))
    last_day = account.local_date(now) + timedelta(days=days)
    if not rungs:
        return [], False
    people = _people(account.id, last_day - timedelta(days=rungs[0].days), after, limit + 1)
    shown = [preview_customer(customer_id, now, last_day) for customer_id in people[:limit]]
    return shown, len(people) > limit


def preview_customer(customer_id: str, now: datetime, last_day: date) -> CustomerPreview:
    """What would happen to one customer up to a day."""
    with transaction():
        debtor = load_debtor(customer_id, now, up_to=last_day)
        return CustomerPreview(customer_id, tuple(_happenings(debtor, last_day)))


def _people(account_id: str, due_by: date, after: str, limit: int) -> list[str]:
    """The ids of customers who owe an invoice due by a day."""
    rows = execute(
        "SELECT DISTINCT customer_id FROM invoice WHERE account_id = ? AND customer_id > ?"
        " AND status IN ('sent', 'overdue') AND due_date <= ? ORDER BY customer_id LIMIT ?",
        (account_id, after, due_by.isoformat(), limit),
    ).fetchall()
    return [row[0] for row in rows]


def _happenings(debtor: Debtor, last_day: date) -> Iterator[PreviewedContact]:
    while (climb := debtor.next_rung()) is not None and climb.on <= last_day:
        debtor = replace(debtor, now=debtor.opening(climb.on))
        rung, invoices = climb.rung, debtor.named(climb.invoice_ids)
        ids = climb.invoice_ids
        debtor, found = _asked(debtor, rung, invoices, last_day)
        channel: Way = "person" if rung.way == "person" else debtor.channel(rung)
        left = debtor.only(found.invoices)
        if found.refused is not None and (not found.invoices or left.awaits(rung)):
            why = found.refused
            yield PreviewedContact(
                debtor.now, channel, rung.days, ids, False, why.code, why.reason, why.next_at
            )
            return
        debtor = left
        if not debtor.awaits(rung):
            continue
        named = tuple(invoice.id for invoice in found.invoices)
        if rung.way == "person":
            yield PreviewedContact(debtor.now, channel, rung.days, named)
            debtor = _handed_over(debtor, named)
            continue
        is_draft = debtor.settings.first_contacts == "draft" and not is_by_hand(debtor, rung)
        yield PreviewedContact(debtor.now, channel, rung.days, named, is_draft)
        called = channel == "voice"
        debtor = _heard(debtor, named, called=called)


def _asked(
    debtor: Debtor, rung: Rung, invoices: Sequence[Invoice], last_day: date
) -> tuple[Debtor, GateAnswer]:
    """The gate's answer, asked again after each refusal that ends by the last day."""
    found = ask_gate(debtor, rung, invoices)
    for _ in range(MOST_WAITS):
        later = found.refused.next_at if found.refused is not None else None
        if later is None or debtor.account.local_date(later) > last_day:
            break
        debtor = replace(debtor, now=max(later, debtor.now))
        found = ask_gate(debtor, rung, invoices)
    return debtor, found


def _handed_over(debtor: Debtor, ids: Sequence[str]) -> Debtor:
    """The state after staff take over."""
    owed = tuple(
        replace(one, handed_over=one.handed_over or one.id in ids) for one in debtor.course.owed
    )
    return replace(debtor, course=replace(debtor.course, owed=owed))


def _heard(debtor: Debtor, ids: Sequence[str], *, called: bool) -> Debtor:
    """The state after the contact."""
    today, known = debtor.today, debtor.course
    owed = tuple(
        replace(one, climbed=max(one.climbed, rung_reached(debtor.rungs, one, today)))
        if one.id in ids
        else one
        for one in known.owed
    )
    heard = LastContacts(today, today if called else known.heard.last_call_on)
    return replace(debtor, course=Course(owed, heard))
