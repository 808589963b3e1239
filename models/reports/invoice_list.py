"""An account's invoices, newest first, with filters.

The code chooses the leading index, not the planner, which cannot know how rare a status is: each
page reads about as many rows as it shows, however many invoices there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.accounts.account import Account
from models.base import to_micros
from models.invoices.invoice import Invoice
from models.transactions import execute

# Up to this many changed invoices are sorted after filtering; if there are more, they are frequent
# enough to be found in the order of ids.
FEW = 2_000
# filters that match few invoices, the most selective first; each has an index that starts with the
# account
NAMED = ("number", "external_id", "customer_id")


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """The list's filters. `below` is the id after which the page starts."""

    statuses: Sequence[str] = ()
    number: str | None = None
    external_id: str | None = None
    customer_id: str | None = None
    since: datetime | None = None
    below: str | None = None


def list_invoices(account: Account, wanted: InvoiceFilter, limit: int) -> list[Invoice]:
    """Up to `limit` invoices with their customers."""
    for column in NAMED:
        if (value := getattr(wanted, column)) is not None:
            return _page(account, wanted, limit, f"t.{column} = ?", value)
    if wanted.since is not None:
        return _changed(account, wanted, limit, to_micros(wanted.since))
    if wanted.statuses:
        return _of_each_status(account, wanted, limit)
    return _page(account, wanted, limit)


def _of_each_status(account: Account, wanted: InvoiceFilter, limit: int) -> list[Invoice]:
    """Merge a page of each status."""
    statuses = tuple(dict.fromkeys(wanted.statuses))
    below = () if wanted.below is None else (wanted.below,)
    cut = " AND t.id < ?" if below else ""
    page = f"t.account_id = ? AND t.status = ?{cut} ORDER BY t.id DESC LIMIT ?"
    given = [value for status in statuses for value in (account.id, status, *below, limit)]
    return Invoice.pages_with("customer", [page] * len(statuses), "id DESC", *given, limit)


def _changed(account: Account, wanted: InvoiceFilter, limit: int, since: int) -> list[Invoice]:
    """Invoices changed since `since`: by the index of changes if few, else in the order of ids."""
    found = execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM invoice WHERE account_id = ? AND updated_at >= ?"
        " LIMIT ?) AS changed",
        (account.id, since, FEW + 1),
    ).fetchone()
    if found[0] > FEW:
        return _page(account, wanted, limit)
    return _page(account, wanted, limit, "t.updated_at >= ?", since, order="t.id || ''")


def _page(
    account: Account,
    wanted: InvoiceFilter,
    limit: int,
    lead: str = "",
    *led: Any,
    order: str = "t.id",
) -> list[Invoice]:
    """One range of the index that starts with the account and `lead`, in the order of ids.

    Other filters are expressions instead of plain columns, so that no planner picks another index
    for them.
    """
    where = ["t.account_id = ?", *([lead] if lead else [])]
    given: list[Any] = [account.id, *led]
    if wanted.below is not None:
        where.append("t.id < ?")
        given.append(wanted.below)
    for column in NAMED:
        value = getattr(wanted, column)
        if value is not None and lead != f"t.{column} = ?":
            where.append(f"t.{column} || '' = ?")
            given.append(value)
    if wanted.since is not None:
        where.append("t.updated_at + 0 >= ?")
        given.append(to_micros(wanted.since))
    if wanted.statuses:
        where.append(f"t.status || '' IN ({', '.join('?' for _ in wanted.statuses)})")
        given += wanted.statuses
    text = f"{' AND '.join(where)} ORDER BY {order} DESC LIMIT ?"
    return Invoice.all_with("customer", text, *given, limit)
