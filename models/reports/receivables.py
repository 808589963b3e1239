"""Unpaid invoices of an account in order of their due date, and their totals.

Both use the index (account, status, due_date, id); a test asks both databases to explain it.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any, Literal

from peewee import ModelSelect, Tuple

from models.accounts.account import Account
from models.base import execute
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
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
    sql = (
        "SELECT currency, status, COUNT(*), COALESCE(SUM(outstanding), 0) FROM invoice WHERE"
        " account_id = ? GROUP BY currency, status ORDER BY 1, 2"
    )
    return [
        Sum(currency, status, int(count), int(total))
        for currency, status, count, total in execute(sql, (account.id,)).fetchall()
    ]


def sums_by_age(account: Account, today: date) -> Iterator[Sum]:
    """Overdue invoices by currency and age; the key is `1-30`, `31-60`, `61-90` or `91-`."""
    sql = (
        "SELECT currency, COUNT(*), COALESCE(SUM(outstanding), 0) FROM invoice WHERE account_id = ?"
        " AND status IN ('overdue', 'sent') AND due_date <= ? AND due_date >= ? GROUP BY currency"
        " ORDER BY 1"
    )
    for first, last in BUCKETS:
        newest = today - timedelta(days=first)
        oldest = date.min if last is None else today - timedelta(days=last)
        for currency, count, total in execute(
            sql, (account.id, newest.isoformat(), oldest.isoformat())
        ).fetchall():
            yield Sum(currency, f"{first}-{last or ''}", int(count), int(total))
