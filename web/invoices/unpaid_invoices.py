"""Unpaid invoices and their totals."""

from datetime import date
from typing import Literal, Self

import falcon

from actions.contact.ladder.next_contact import Next, next_contacts
from models.invoices.invoice import Invoice
from models.reports.receivables import (
    BUCKETS,
    Sum,
    sums_by_age,
    sums_by_status,
    unpaid_invoices,
)
from rules.invoice_fold import UNPAID
from runtime.clock import business_now, rfc3339
from web.http.guards.auth import caller_of
from web.http.lists import after_of, choices_of, limit_of
from web.http.responses import Shown
from web.invoices.responses import CustomerBrief
from web.openapi.openapi import PageQuery, documented

BUCKET_NAMES = {
    "1-30": "days_1_to_30",
    "31-60": "days_31_to_60",
    "61-90": "days_61_to_90",
    "91-": "days_over_90",
}


class UnpaidQuery(PageQuery):
    """Which unpaid invoices: overdue, not yet due, or both."""

    status: Literal["overdue", "sent"] | None = None


class UnpaidInvoice(Shown):
    """An invoice to be collected. `daysOverdue` counts in the account's time zone.

    `nextContact` is when its customer is contacted next, as far as is known: by text (`sms`), by
    call (`voice`) or by a `person` who takes over. `nextContactReasonCode` and `nextContactReason`
    say what delays or prevents it.
    """

    id: str
    number: str
    status: Literal["overdue", "sent"]
    project: str | None
    currency: str
    amount_due: int
    outstanding_balance: int
    due_date: date
    days_overdue: int
    disputed: bool
    customer: CustomerBrief
    next_contact: str | None
    next_contact_channel: Literal["sms", "voice", "person"] | None
    next_contact_reason_code: str | None
    next_contact_reason: str | None

    @classmethod
    def on(cls, today: date, invoice: Invoice, next_one: Next) -> Self:
        """The answer about an unpaid invoice on the account's day `today`."""
        late = (today - invoice.due_date).days
        return cls.of(
            invoice,
            status="overdue" if late > 0 else "sent",
            outstanding_balance=invoice.outstanding,
            days_overdue=max(0, late),
            customer=CustomerBrief.of(invoice.customer),
            next_contact=rfc3339(next_one.at) if next_one.at is not None else None,
            next_contact_channel=next_one.channel or None,
            next_contact_reason_code=next_one.code or None,
            next_contact_reason=next_one.reason or None,
        )


class UnpaidList(Shown):
    """A page of unpaid invoices, earliest due date first."""

    data: list[UnpaidInvoice]
    has_more: bool


class Tally(Shown):
    """Number of invoices and their outstanding balance in minor units."""

    count: int
    outstanding: int


class Ages(Shown):
    """Overdue invoices by age in days."""

    days_1_to_30: Tally
    days_31_to_60: Tally
    days_61_to_90: Tally
    days_over_90: Tally


class CurrencySummary(Shown):
    """Totals in one currency; currencies are never added up."""

    currency: str
    by_status: dict[str, Tally]
    overdue: Ages


class Summary(Shown):
    """What is owed to the account on `asOf`, a date in its time zone."""

    as_of: date
    currencies: list[CurrencySummary]


class UnpaidInvoices:
    """`/api/finance/unpaid-invoices`"""

    @documented("Finance", {200: UnpaidList}, query=UnpaidQuery)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Unpaid invoices, earliest due date first; `status` is `overdue` or `sent`."""
        account = caller_of(req).own
        limit = limit_of(req)
        statuses = set(choices_of(req, "status", UNPAID))
        which = statuses.pop() if len(statuses) == 1 else None
        last = after_of(req, Invoice.select().where(Invoice.account == account))
        today = account.local_date(business_now())
        rows = unpaid_invoices(account, which, today, last, limit + 1)  # type: ignore[arg-type]
        coming = next_contacts(account, rows[:limit], business_now())
        shown = [UnpaidInvoice.on(today, row, coming[row.id]) for row in rows[:limit]]
        resp.media = UnpaidList(data=shown, has_more=len(rows) > limit).document()


class FinanceSummary:
    """`/api/finance/summary`"""

    @documented("Finance", {200: Summary})
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Counts and outstanding balances per currency, by status and by age."""
        account = caller_of(req).own
        today = account.local_date(business_now())
        statuses, ages = sums_by_status(account), list(sums_by_age(account, today))
        currencies = sorted({row.currency for row in statuses})
        resp.media = Summary(
            as_of=today,
            currencies=[_summary(currency, statuses, ages) for currency in currencies],
        ).document()


def _summary(currency: str, statuses: list[Sum], ages: list[Sum]) -> CurrencySummary:
    by_age = {row.key: Tally.of(row) for row in ages if row.currency == currency}
    none = Tally(count=0, outstanding=0)
    overdue = {
        BUCKET_NAMES[bucket]: by_age.get(bucket, none)
        for bucket in (f"{first}-{last or ''}" for first, last in BUCKETS)
    }
    return CurrencySummary(
        currency=currency,
        by_status={row.key: Tally.of(row) for row in statuses if row.currency == currency},
        overdue=Ages(**overdue),
    )
