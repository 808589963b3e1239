"""A customer who owes, as the ladder sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.reports.ladder_course import Course, course_of
from rules.contact.hours import next_opening
from rules.contact.ladder import (
    CALL_GAPS,
    NextRung,
    Rung,
    awaits,
    links_only,
    next_rung,
    read_ladder,
)
from rules.contact.person_time_zones import zones_of
from rules.contact.policy import Channel

MOST_INVOICES = 100  # most invoices of one customer looked at together, longest due first


@dataclass(frozen=True, slots=True)
class Debtor:
    """The customer, their overdue invoices, and how far they have climbed; `now` is business
    time.
    """

    account: Account
    customer: Customer
    settings: AccountSettings
    invoices: tuple[Invoice, ...]
    course: Course
    now: datetime

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The account's ladder, without calls if the account asks for payment by link only."""
        return rungs_of(self.settings)

    @property
    def today(self) -> date:
        """The account's date."""
        return self.account.local_date(self.now)

    def next_rung(self) -> NextRung | None:
        """The next contact that the ladder asks for."""
        gap = CALL_GAPS[self.settings.call_frequency]
        return next_rung(self.rungs, self.course.owed, self.course.heard, gap, self.today)

    def only(self, invoices: Sequence[Invoice]) -> "Debtor":
        """The same customer, as if they owed only these invoices."""
        ids = {invoice.id for invoice in invoices}
        owed = tuple(one for one in self.course.owed if one.id in ids)
        return replace(self, invoices=tuple(invoices), course=replace(self.course, owed=owed))

    def awaits(self, rung: Rung) -> bool:
        """Whether the rung is due for one of the invoices."""
        return any(
            awaits(self.rungs, one, rung) and rung.days <= one.age(self.today)
            for one in self.course.owed
        )

    def channel(self, rung: Rung) -> Channel:
        """The channel of a rung, unless the customer requested another (45 CFR 164.522(b))."""
        asked = (self.customer.contact_request or {}).get("channel")
        wanted = asked or rung.way
        return "voice" if wanted == "voice" else "sms"

    def opening(self, day: date) -> datetime:
        """The first lawful moment on or after the account's `day`, but not before now."""
        return opening(self.account, self.customer, day, self.now)

    def named(self, ids: Sequence[str]) -> list[Invoice]:
        """Those of these invoices that are overdue, longest due first."""
        return [invoice for invoice in self.invoices if invoice.id in ids]


def rungs_of(settings: AccountSettings) -> tuple[Rung, ...]:
    """The ladder from an account's settings."""
    rungs = read_ladder(settings.ladder)
    return links_only(rungs) if settings.payment_timing == "follow_up" else rungs


def opening(account: Account, customer: Customer, day: date, now: datetime) -> datetime:
    """The first lawful moment for a customer on or after the account's `day`, but not before
    `now`.
    """
    begins = datetime.combine(day, time(), ZoneInfo(account.time_zone)).astimezone(UTC)
    phone = customer.preferred_phone
    zones = zones_of(phone, customer.address, customer.time_zone) if phone else ()
    after = max(begins, now)
    return next_opening(zones, after) or after


def load_debtor(customer_id: str, now: datetime, *, up_to: date | None = None) -> Debtor:
    """Load what is known of the customer in the open transaction.

    Locks their overdue invoices until it ends, so that a payment commits before or after. With
    `up_to`, to look ahead, invoices due up to that day are included and none is locked.
    """
    customer: Customer = Customer.get_by_id(customer_id)
    account: Account = customer.account
    late = Invoice.all_with(
        "account",
        "t.account_id = ? AND t.customer_id = ? AND (t.status = 'overdue' OR (t.status = 'sent'"
        " AND t.due_date <= ?)) ORDER BY t.due_date, t.id LIMIT ?",
        customer.account_id,
        customer_id,
        (up_to or date.min).isoformat(),
        MOST_INVOICES,
    )
    if up_to is None:
        fresh = Invoice.locked_with_accounts([invoice.id for invoice in late])
        late = [invoice for invoice in fresh if invoice.status == "overdue"]
    invoices = tuple(sorted(late, key=lambda invoice: (invoice.due_date, invoice.id)))
    return Debtor(
        account,
        customer,
        AccountSettings.of_account(customer.account_id),
        invoices,
        course_of(customer_id, account.time_zone, invoices),
        now,
    )
