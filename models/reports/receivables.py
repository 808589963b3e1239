"""Unpaid invoices of an account, in the order of their due date, and their totals.

The list uses the index (account, status, due_date, id), which a test checks with EXPLAIN on both
databases. The totals are kept, and need no scan.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from models.accounts.account import Account
from models.invoices.invoice import Invoice
from models.reports.running_total import Total, totals
from rules.invoice_fold import UNPAID

BUCKETS = ((1, 30), (31, 60), (61, 90), (91, None))  # days overdue, both included

Which = Literal["overdue", "sent"] | None


@dataclass(frozen=True, slots=True)
class Sum:
    """How many invoices of one currency have one status or age, and what is owed on them."""

    currency: str
    key: str
    count: int
    outstanding: int


def unpaid_invoices(
    account: Account, which: Which, today: date, after: Invoice | None, limit: int
) -> list[Invoice]:
    """Up to `limit` unpaid invoices with their customers, earliest due date first, after the
    invoice `after`.

    An invoice due before `today`, the account's date, is overdue even if no sweep has marked it
    yet.
    """
    pages = [unpaid_page(account, status, which, today, after, limit) for status in UNPAID]
    given = [value for _, params in pages for value in params]
    return Invoice.pages_with(
        "customer", [where for where, _ in pages], "due_date, id", *given, limit
    )


def unpaid_page(
    account: Account, status: str, which: Which, today: date, after: Invoice | None, limit: int
) -> tuple[str, list[Any]]:
    """The condition that finds a page of one status, which is one range of the index, already
    sorted; and its parameters.
    """
    where, given = ["t.account_id = ?", "t.status = ?"], [account.id, status]
    if which == "overdue":
        where.append("t.due_date < ?")
        given.append(today.isoformat())
    # only the later lower bound: of two, SQLite starts reading at the earlier
    if which == "sent" and (after is None or after.due_date < today):
        where.append("t.due_date >= ?")
        given.append(today.isoformat())
    elif after is not None:
        where.append("(t.due_date, t.id) > (?, ?)")
        given += [after.due_date.isoformat(), after.id]
    return f"{' AND '.join(where)} ORDER BY t.due_date, t.id LIMIT ?", [*given, limit]


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
    """The key of the age bucket for this many days overdue; '' if not overdue."""
    return next(
        (f"{first}-{last or ''}" for first, last in BUCKETS if first <= days <= (last or days)), ""
    )


def _summed(parts: Iterable[tuple[str, str, Total]]) -> list[Sum]:
    """The totals added up by currency and key, sorted by those."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for currency, key, total in parts:
        count, amount = sums.get((currency, key), (0, 0))
        sums[currency, key] = count + total.count, amount + total.amount
    return [Sum(*labels, *sums[labels]) for labels in sorted(sums)]
