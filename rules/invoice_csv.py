"""One row of an exported CSV as an invoice to be collected, or what is wrong with it, column by
column.

A card number in any cell refuses the row, and is not repeated in what is said about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

from rules.card_documents import holds_card_number
from rules.csv_cells import (
    YEARS,
    BadCell,
    read_amount,
    read_currency,
    read_date,
    read_email,
    read_phone,
    read_short,
)
from rules.invoice_columns import Layout

Parsed = TypeVar("Parsed")

_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"", "no", "n", "false", "0"})
OPT_OUTS = {"smsOptOut": ("sms",), "voiceOptOut": ("voice",), "optOut": ("sms", "voice")}


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
class Refusal:
    """What the person at a number will not have, as a row says: `stops` are channels, since `at` if
    it is known; `no_consent`: they have not agreed to texts, whatever an earlier file said.
    """

    phone: str
    stops: tuple[str, ...]
    at: datetime | None
    no_consent: bool


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
    refusal: Refusal | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one cell, and what to do about it."""

    line: int
    column: str
    message: str


def read_row(
    line: int, cells: list[str], header: list[str], how: Reading
) -> InvoiceRow | list[RowError] | Refusal | None:
    """The row, or its errors. One that is not to be collected (paid, voided, no invoice, nothing
    owed) still tells what its person refuses.
    """
    cards = [
        name
        for name, cell in zip(header, cells, strict=False)
        if holds_card_number(_card_name(name), cell)
    ]
    if cards:
        return [
            RowError(
                line,
                name,
                "contains a card number; remove it from the file, it must not be stored anywhere",
            )
            for name in cards
        ]
    if len(cells) > len(header):
        return [
            RowError(
                line,
                "",
                f"has {len(cells)} cells under {len(header)} headings; quote cells that contain the"
                " delimiter",
            )
        ]
    return _Row(line, cells, header, how).read()


def _card_name(column: str) -> str:
    """The column's name as fields are called,
    so that phones and dates are known for what they are.
    """
    low = column.casefold()
    return (
        "phone"
        if any(word in low for word in ("phone", "mobile", "fax"))
        else "createdAt"
        if "date" in low
        else column
    )


class _Row:
    def __init__(self, line: int, cells: list[str], header: list[str], how: Reading) -> None:
        self.line = line
        self.cells = cells
        self.header = header
        self.how = how
        self.errors: list[RowError] = []

    def text(self, name: str) -> str:
        place = self.how.columns.get(name)
        return self.cells[place].strip() if place is not None and place < len(self.cells) else ""

    def read(self) -> InvoiceRow | list[RowError] | Refusal | None:
        how = self.how
        phone = (
            self.get("phone", lambda text: read_phone(text, how.region))
            if self.is_collected or self.refuses
            else None
        )
        refusal = self._refusal(phone)
        if not self.is_collected:
            return self.errors or refusal
        currency = self.get("currency", lambda text: read_currency(text, how.currency))
        amount = self.get("amount", lambda text: read_amount(text, currency or "usd", how.decimal))
        if amount == 0 and not self.errors:
            return refusal
        number = self.get("number", read_short)
        customer = self.get("customer", read_short)
        due = self.get("dueDate", lambda text: read_date(text, how.dates))
        email = self.get("email", read_email)
        consent = self.get("smsConsent", lambda text: self._consent(text, phone))
        if self.errors or not (currency and amount and number and customer and due):
            return self.errors
        mark = "draft" if self.text("state").casefold() == "draft" else "sent"
        project = self.text("project")[:200] or None
        external = self.text("externalId")[:200] or None
        return InvoiceRow(
            self.line,
            number,
            customer,
            due,
            amount,
            currency,
            mark,
            email,
            phone,
            project,
            external,
            consent,
            refusal,
        )

    @property
    def is_collected(self) -> bool:
        return (
            not {self.text("kind").casefold(), self.text("state").casefold()}
            & self.how.layout.skipped
        )

    @property
    def refuses(self) -> bool:
        """Whether the row says anything of what its person will not have."""
        return any(self.text(name) for name in OPT_OUTS) or self.text(
            "smsConsent"
        ).casefold() in _NO - {""}

    def _refusal(self, phone: str | None) -> Refusal | None:
        stops = {
            channel
            for name, channels in OPT_OUTS.items()
            if self.get(name, read_yes)
            for channel in channels
        }
        if stops and not phone and not self.errors:
            self.errors.append(
                RowError(
                    self.line,
                    "phone",
                    "is missing, but the row has an opt-out, which needs a number",
                )
            )
        at = self.get("optOutAt", read_time) if stops and self.text("optOutAt") else None
        no_consent = self.text("smsConsent").casefold() in _NO - {""}
        return (
            Refusal(phone, tuple(sorted(stops)), at, no_consent)
            if phone and (stops or no_consent)
            else None
        )

    def get(self, name: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        """The parsed cell, or None with the error kept."""
        try:
            return parse(self.text(name))
        except BadCell as error:
            place = self.how.columns.get(name)
            self.errors.append(
                RowError(self.line, self.header[place] if place is not None else name, str(error))
            )
            return None

    def _consent(self, text: str, phone: str | None) -> SmsConsent | None:
        if not read_yes(text):
            return None
        source = self.text("consentSource")
        given = self.text("consentAt")
        if not (phone and source and given):
            raise BadCell("is yes, but a consent needs phone, consentSource and consentAt")
        return SmsConsent(source[:200], read_time(given), self.text("consentText")[:2000])


def read_yes(text: str) -> bool:
    """Whether a cell says yes. Raises BadCell when it says neither yes nor no."""
    if text.casefold() in _NO:
        return False
    if text.casefold() not in _YES:
        raise BadCell(f"{text[:40]!r} is neither yes nor no")
    return True


def read_time(text: str) -> datetime:
    """A cell's time, UTC unless it says otherwise. Raises BadCell."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadCell(f"{text[:40]!r} is not a time such as 2026-01-31T09:30:00Z") from None
    if at.year not in YEARS:
        raise BadCell(f"{text[:40]!r} is in the year {at.year}; correct it")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
