"""One row of an exported CSV as an invoice to be collected, or what is wrong with it, column by column.

A card number in any cell refuses the row, and is not repeated in what is said about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

from rules.card_documents import holds_card_number
from rules.csv_cells import BadCell, read_amount, read_currency, read_date, read_email, read_phone, read_short
from rules.invoice_columns import Layout

Parsed = TypeVar("Parsed")

_YES, _NO = frozenset({"yes", "y", "true", "1"}), frozenset({"", "no", "n", "false", "0"})


@dataclass(frozen=True, slots=True)
class Reading:
    """How cells are to be read."""

    layout: Layout
    columns: Mapping[str, int]
    dates: str = "iso"
    decimal: str = "point"
    currency: str = ""
    region: str = "US"


@dataclass(frozen=True, slots=True)
class SmsConsent:
    """What somebody agreed to, and where that is written down."""

    source: str
    given_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A row as it will be kept. `amount` in minor units of `currency`; `phone` is E.164."""

    line: int
    number: str
    customer: str
    due_date: date
    amount: int
    currency: str
    mark: str
    email: str | None
    phone: str | None
    project: str | None
    external_id: str | None
    consent: SmsConsent | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one cell, and what to do about it."""

    line: int
    column: str
    message: str


def read_row(line: int, cells: list[str], header: list[str], how: Reading) -> InvoiceRow | list[RowError] | None:
    """The row; its errors; or None when it is not to be collected (paid, voided, no invoice, nothing owed)."""
    cards = [name for name, cell in zip(header, cells, strict=False) if holds_card_number(_card_name(name), cell)]
    if cards:
        return [RowError(line, name, "holds a card number; take it out of the file, it may not be kept anywhere") for name in cards]
    if len(cells) > len(header):
        return [RowError(line, "", f"has {len(cells)} cells under {len(header)} headings; quote cells that hold the delimiter")]
    return _Row(line, cells, header, how).read()


def _card_name(column: str) -> str:
    """The column's name as fields are called, so that phones and dates are known for what they are."""
    low = column.casefold()
    return "phone" if any(word in low for word in ("phone", "mobile", "fax")) else "createdAt" if "date" in low else column


class _Row:
    def __init__(self, line: int, cells: list[str], header: list[str], how: Reading) -> None:
        self.line, self.cells, self.header, self.how = line, cells, header, how
        self.errors: list[RowError] = []

    def text(self, name: str) -> str:
        place = self.how.columns.get(name)
        return self.cells[place].strip() if place is not None and place < len(self.cells) else ""

    def read(self) -> InvoiceRow | list[RowError] | None:
        how = self.how
        if {self.text("kind").casefold(), self.text("state").casefold()} & how.layout.skipped:
            return None
        currency = self.get("currency", lambda text: read_currency(text, how.currency))
        amount = self.get("amount", lambda text: read_amount(text, currency or "usd", how.decimal))
        if amount == 0 and not self.errors:
            return None
        number, customer = self.get("number", read_short), self.get("customer", read_short)
        due, phone = self.get("dueDate", lambda text: read_date(text, how.dates)), self.get("phone", lambda text: read_phone(text, how.region))
        email, consent = self.get("email", read_email), self.get("smsConsent", lambda text: self._consent(text, phone))
        if self.errors or not (currency and amount and number and customer and due):
            return self.errors
        mark = "draft" if self.text("state").casefold() == "draft" else "sent"
        project, external = self.text("project")[:200] or None, self.text("externalId")[:200] or None
        return InvoiceRow(self.line, number, customer, due, amount, currency, mark, email, phone, project, external, consent)

    def get(self, name: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        """The parsed cell, or None with the error kept."""
        try:
            return parse(self.text(name))
        except BadCell as error:
            place = self.how.columns.get(name)
            self.errors.append(RowError(self.line, self.header[place] if place is not None else name, str(error)))
            return None

    def _consent(self, text: str, phone: str | None) -> SmsConsent | None:
        if text.casefold() in _NO:
            return None
        if text.casefold() not in _YES:
            raise BadCell(f"{text[:40]!r} is neither yes nor no")
        source, given = self.text("consentSource"), self.text("consentAt")
        if not (phone and source and given):
            raise BadCell("is yes, but a consent needs phone, consentSource and consentAt")
        try:
            at = datetime.fromisoformat(given)
        except ValueError:
            raise BadCell(f"consentAt {given[:40]!r} is no time such as 2026-01-31T09:30:00Z") from None
        return SmsConsent(source[:200], at if at.tzinfo else at.replace(tzinfo=UTC), self.text("consentText")[:2000])
