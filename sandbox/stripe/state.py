"""The sections of the state page about Stripe: rows, newest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.amounts import shown
from sandbox.stripe.errors import Json
from sandbox.stripe.ledger import ledger
from sandbox.stripe.provider import PLATFORM, Stripe

Cell = Callable[[Json], Any]


@dataclass(frozen=True)
class Section:
    """A table: a title, its columns, and rows of plain values."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def _money(field: str = "amount") -> Cell:
    """Make a column that shows an amount."""
    return lambda row: (
        shown(row[field], row["currency"])
        if row.get(field) is not None and row.get("currency")
        else "–"
    )


def _field(name: str) -> Cell:
    """Make a column that shows one field."""
    return lambda row: row.get(name)


def _invoice(row: Json) -> Any:
    """Return the invoice that an object names."""
    return row["metadata"].get("invoice_id")


def _uses(link: Json) -> str:
    """Return how many sessions of a link have completed, of how many."""
    counter = (link["restrictions"] or {}).get("completed_sessions")
    return f"{counter['count']} of {counter['limit']}" if counter else "no limit"


def _problem(intent: Json) -> Any:
    """Return why an intent's last attempt failed."""
    error = intent["last_payment_error"] or {}
    return error.get("decline_code") or error.get("code")


ID = {"Id": _field("id")}
STATUS = {"Status": _field("status")}
INTENT = {"Intent": _field("payment_intent")}
PAID = {"Invoice": _invoice, "Amount": _money(), "Received": _money("amount_received")}
OPENED = {
    "Invoice": _invoice,
    "Active": _field("active"),
    "Completed": _uses,
    "Address": _field("url"),
}
TABLES: tuple[tuple[str, str, dict[str, Cell]], ...] = (
    ("Payment intents", "payment_intent", {**ID, **PAID, **STATUS, "Last error": _problem}),
    ("Payment links", "payment_link", {**ID, **OPENED}),
    (
        "Checkout sessions",
        "checkout.session",
        {
            **ID,
            "Amount": _money("amount_total"),
            **STATUS,
            "Payment": _field("payment_status"),
            **INTENT,
        },
    ),
    (
        "Refunds",
        "refund",
        {**ID, **INTENT, "Amount": _money(), **STATUS, "Reason": _field("failure_reason")},
    ),
    (
        "Disputes",
        "dispute",
        {**ID, **INTENT, "Amount": _money(), **STATUS, "Reason": _field("reason")},
    ),
    (
        "Customers",
        "customer",
        {**ID, "Name": _field("name"), "Email": _field("email"), "Phone": _field("phone")},
    ),
    (
        "Events",
        "event",
        {**ID, "Type": _field("type"), "Object": lambda event: event["data"]["object"]["id"]},
    ),
)


def sections(stripe: Stripe, at_most: int) -> Iterator[tuple[Section, int]]:
    """Yield all tables with their full counts; rows name the account if there are several."""
    yield _ledger(stripe)
    several = len(stripe.accounts) > 1
    for title, kind, columns in TABLES:
        found = [
            (account.id, row) for account in stripe.accounts.values() for row in account.each(kind)
        ]
        newest = sorted(found, key=lambda pair: pair[1].get("created", 0))[::-1][:at_most]
        rows = [
            tuple(cell(row) for cell in columns.values()) + ((_short(account),) if several else ())
            for account, row in newest
        ]
        yield Section(title, (*columns, "Account") if several else tuple(columns), rows), len(found)


def _ledger(stripe: Stripe) -> tuple[Section, int]:
    """Return the table of money by invoice, with its count."""
    totals = ledger(stripe.accounts)["invoices"]
    names = ("received", "refunded", "disputed")
    rows = [
        (
            invoice,
            *(shown(total[name], total["currency"]) if total[name] else None for name in names),
            total["payments"],
        )
        for invoice, total in totals.items()
    ]
    return Section(
        "Invoices", ("Invoice", "Received", "Refunded", "Disputed", "Payments"), rows
    ), len(rows)


def _short(account_id: str) -> str:
    """Return an account's name for display."""
    return "platform" if account_id == PLATFORM else account_id
