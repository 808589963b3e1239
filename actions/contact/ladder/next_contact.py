"""When and by which channel the customer of an invoice is contacted next, or why not, as the scan
last found. The gate is not asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actions.contact.ladder.debtor import opening, rungs_of
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.contact.contact_course import ContactCourse
from models.contact.promise import Promise
from models.invoices.invoice import Invoice
from rules.contact.ladder import Rung


@dataclass(frozen=True, slots=True)
class Next:
    """When and by which channel, as far as is known; `code` and `reason` say what prevents it, or
    why there is no contact at all.
    """

    at: datetime | None
    channel: str = ""
    code: str = ""
    reason: str = ""


DISPUTED = Next(
    None, code="invoice_disputed", reason="A payment of the invoice is disputed at the bank."
)
NO_LADDER = Next(None, code="no_ladder", reason="The account's ladder has no rungs.")


def next_contacts(account: Account, invoices: Sequence[Invoice], now: datetime) -> dict[str, Next]:
    """The next contact about each of these unpaid invoices, by invoice id."""
    ids = [invoice.id for invoice in invoices]
    people = {invoice.customer_id for invoice in invoices}
    courses = {row.customer_id: row for row in ContactCourse.of_people(people)}
    promises = {row.invoice_id: row for row in Promise.open_of(ids)}
    rungs = rungs_of(AccountSettings.of_account(account.id))
    today = account.local_date(now)
    found: dict[str, Next] = {}
    for invoice in invoices:
        course, promise = courses.get(invoice.customer_id), promises.get(invoice.id)
        if invoice.disputed:
            found[invoice.id] = DISPUTED
        elif promise is not None:
            found[invoice.id] = Next(
                promise.decided_from,
                code="promised",
                reason=f"The person has promised to pay by {promise.promised_for.isoformat()}.",
            )
        elif course is not None and course.has_result and invoice.due_date < today:
            found[invoice.id] = Next(course.contact_at, course.channel, course.code, course.reason)
        else:
            found[invoice.id] = _first(account, invoice, rungs, now)
    return found


def _first(account: Account, invoice: Invoice, rungs: Sequence[Rung], now: datetime) -> Next:
    """From the ladder alone: the customer was not looked at since the invoice became overdue."""
    if not rungs:
        return NO_LADDER
    today = account.local_date(now)
    due = [rung for rung in rungs if rung.days <= (today - invoice.due_date).days]
    rung = due[-1] if due else rungs[0]
    day = max(today, invoice.due_date + timedelta(days=rung.days))
    return Next(opening(account, invoice.customer, day, now), rung.way)
