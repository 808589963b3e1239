"""Unpaid invoices of an account in order of their due date, and their totals.

The list uses the index (account, status, due_date, id), as a test makes both databases explain;
the totals are kept, and scan nothing.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Literal

from peewee import ModelSelect, Tuple

from models.accounts.account import Account
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.reports.running_total import Total, totals
from rules.invoice_fold import UNPAID

BUCKETS = ((1, 30), (31, 60), (61, 90), (91, None))  # days overdue, both included

Which = Literal["overdue", "sent"] | None


@dataclass(frozen=True, slots=True)
class Sum:
    """Invoices of one currency in one status, or that many days overdue: how many, and what is owed
    on them.
    """

    currency: str
    key: str
    count: int
    outstanding: int


def unpaid_invoices(
    account: Account, which: Which, today: date, after: Invoice | None, limit: int
) -> list[Invoice]:
    """Up to `limit` unpaid invoices with their customers, earliest due date first.

    An invoice due before `today`, the account's date, is overdue even if no sweep has marked it
    yet.
    """
    pages = [unpaid_page(account, status, which, today, after).limit(limit) for status in UNPAID]
    return list(islice(heapq.merge(*pages, key=lambda row: (row.due_date, row.id)), limit))


def unpaid_page(
    account: Account, status: str, which: Which, today: date, after: Invoice | None
) -> "ModelSelect[Any]":
    """The query over one status: one range of the index, already in order."""
    query = (
        Invoice.select(Invoice, Customer)
        .join(Customer)
        .where(Invoice.account == account, Invoice.status == status)
    )
    if which == "overdue":
        query = query.where(Invoice.due_date < today)
    elif which == "sent":
        query = query.where(Invoice.due_date >= today)
    if after is not None:
        query = query.where(Tuple(Invoice.due_date, Invoice.id) > Tuple(after.due_date, after.id))
    return query.order_by(Invoice.due_date, Invoice.id)


def sums_by_status(account: Account) -> list[Sum]:
    """The account's invoices by currency and stored status."""
    return _summed(
        (one.kind, one.state, one) for one in totals("invoices", account.id, by="kind, state")
    )


def sums_by_age(account: Account, today: date) -> list[Sum]:
    """Overdue invoices by currency and age; the key is `1-30`, `31-60`, `61-90` or `91-`."""
    owed = [one for one in totals("invoices", account.id) if one.day and one.state in UNPAID]
    return _summed(
        (one.kind, bucket, one)
        for one in owed
        if (bucket := _bucket((today - date.fromisoformat(one.day)).days))
    )


def _bucket(days: int) -> str:
    """The name of the age that so many days overdue are in; empty before it is due."""
    return next(
        (f"{first}-{last or ''}" for first, last in BUCKETS if first <= days <= (last or days)), ""
    )


def _summed(parts: Iterable[tuple[str, str, Total]]) -> list[Sum]:
    """The totals added up by currency and key, in the order of these."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for currency, key, total in parts:
        count, amount = sums.get((currency, key), (0, 0))
        sums[currency, key] = count + total.count, amount + total.amount
    return [Sum(*labels, *sums[labels]) for labels in sorted(sums)]
