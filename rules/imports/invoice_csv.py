"""Parse one row of an exported CSV into an invoice to collect, or into its errors, column by
column.

A card number in any cell refuses the row, and is not repeated in the error.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

from rules.cards.card_documents import holds_card_number
from rules.imports.csv_amounts import Signs, currency_beside, read_amount, refuse_unchargeable
from rules.imports.csv_cells import (
    LONGEST,
    YEARS,
    BadCell,
    read_currency,
    read_email,
    read_id,
    read_phone,
    read_short,
)
from rules.imports.csv_dates import read_date
from rules.imports.invoice_layouts import Layout
from rules.imports.invoice_states import COLLECTED, Kind, State, kind_of, state_of
from rules.storable import storable_text

Parsed = TypeVar("Parsed")

_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"", "no", "n", "false", "0"})
_DASH = re.compile(r"[^\w.,]*[-–—][^\w.,]*")  # 0 in Excel's accounting format, also with a sign
_NO_ID = frozenset({"", "0", "-", "n/a", "na", "none", "null", "nil"})
# the parts of an amount before and behind a comma of its own
_BEFORE = re.compile(r"[^\d.,]*\d{1,9}")
_BEHIND = re.compile(r"\d{2,3}(?:\.\d+)?[^\w.,]*")
OPT_OUTS = {"smsOptOut": ("sms",), "voiceOptOut": ("voice",), "optOut": ("sms", "voice")}


@dataclass(frozen=True, slots=True)
class Reading:
    """How to parse cells."""

    layout: Layout
    columns: Mapping[str, int]
    dates: str = "iso"
    signs: Signs = field(default_factory=Signs)
    currency: str = ""
    region: str = "US"
    delimiter: str = ","

    def text(self, name: str, cells: Sequence[str]) -> str:
        """A field's cell in a row; empty if the file has no such column."""
        place = self.columns.get(name)
        return cells[place].strip() if place is not None and place < len(cells) else ""


@dataclass(frozen=True, slots=True)
class SmsConsent:
    """A consent: where it is recorded, when it was given, and its wording."""

    source: str
    given_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a row says the person at a number refuses: `stops` are channels, opted out at `at` if
    known; `no_consent`: they have not agreed to texts, whatever an earlier file said. `invoice`,
    `customer` and `external_id`: the row's number, name and id. `phone` is '' if it cannot be read.
    """

    phone: str
    stops: tuple[str, ...]
    at: datetime | None
    no_consent: bool
    invoice: str = ""
    customer: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A row as it will be stored. `amount` in minor units of `currency`; `phone` is E.164."""

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
class Passed:
    """A row that is not collected: `why` is credit, closed, held back, no invoice, nothing owed or
    repeated.

    `said` is the file's own word for it, `state` its meaning for an invoice that is open here.
    Customer fields that cannot be parsed are None.
    """

    line: int
    why: str
    number: str
    customer: str
    said: str
    amount: str
    state: State | None = None
    email: str | None = None
    phone: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one cell, and what to do about it."""

    line: int
    column: str
    message: str


def read_row(
    line: int, cells: list[str], header: list[str], how: Reading, amount: int | None = None
) -> InvoiceRow | list[RowError] | Passed:
    """Parse the row, or return its errors. `amount`, in minor units, overrides the row's own."""
    refused = card_errors(line, cells, header) or _unstorable(line, cells, header)
    if refused:
        return refused
    if any(cells[len(header) :]) or (len(cells) > len(header) and _is_split(cells, how)):
        return [
            RowError(
                line,
                "",
                f"has {len(cells)} cells under {len(header)} headings; quote cells that contain the"
                " delimiter",
            )
        ]
    return _Row(line, cells, header, how, amount).read()


def read_refusal(line: int, cells: list[str], header: list[str], how: Reading) -> Refusal | None:
    """The opt-outs and refused consent of a row's person, as far as they can be parsed, even if the
    row is not collected, has errors, or is a further line of an invoice.
    """
    return _Row(line, cells, header, how, None).refusal()


def card_errors(line: int, cells: Sequence[str], header: Sequence[str]) -> list[RowError]:
    """An error for each cell that contains a card number, which the error does not repeat."""
    names = [*header, *[""] * (len(cells) - len(header))]
    return [
        RowError(
            line,
            name,
            "contains a card number; remove it from the file, it must not be stored anywhere",
        )
        for name, cell in zip(names, cells, strict=False)
        if holds_card_number(_card_name(name), cell)
    ]


def _is_split(cells: Sequence[str], how: Reading) -> bool:
    """Whether an amount's own comma has split it in two, as in 1,234.50 without quotes."""
    if how.delimiter != ",":
        return False
    place = how.columns["amount"]
    amount, rest = cells[place : place + 2]
    return _BEFORE.fullmatch(amount) is not None and _BEHIND.fullmatch(rest) is not None


def _unstorable(line: int, cells: Sequence[str], header: Sequence[str]) -> list[RowError]:
    """An error for each cell with a character that a database cannot store."""
    return [
        RowError(
            line, name, "contains a NUL character, which cannot be kept; correct it in the file"
        )
        for name, cell in zip(header, cells, strict=False)
        if storable_text(cell) != cell
    ]


def _card_name(column: str) -> str:
    """The column's name as one of our field names, so that phones and dates are not taken for card
    numbers.
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
    def __init__(
        self, line: int, cells: list[str], header: list[str], how: Reading, amount: int | None
    ) -> None:
        self.line = line
        self.cells = cells
        self.header = header
        self.how = how
        self.amount = amount
        self.paid = 0  # of the total, in minor units
        self.errors: list[RowError] = []

    def text(self, name: str) -> str:
        return self.how.text(name, self.cells)

    def read(self) -> InvoiceRow | list[RowError] | Passed:
        kind = self.get("type", kind_of)
        # credits and payments have statuses of their own, which do not matter here
        state = self.get("status", state_of) if kind is Kind.INVOICE else State.HELD
        if kind is None or state is None:
            return self.errors
        is_collected = kind is Kind.INVOICE and state in COLLECTED
        phone = self._phone() if is_collected or self._refuses else None
        self._refusal(phone)
        if not is_collected:
            return self.errors or self._passed(kind, state)
        currency = self.get("currency", self._currency)
        amount = self.get("amount", lambda text: self._owed(text, currency, state))
        if amount is not None and amount <= 0 and not self.errors:
            return self._nothing_owed(amount, state)
        return self._invoice(state, phone, currency, amount)

    def refusal(self) -> Refusal | None:
        """The opt-outs and refused consent of the row's person."""
        return self._refusal(self._phone()) if self._refuses else None

    def _phone(self) -> str | None:
        region = self.how.region
        return self.get("phone", lambda text: read_phone(text, region))

    def _invoice(
        self, state: State, phone: str | None, currency: str | None, amount: int | None
    ) -> InvoiceRow | list[RowError]:
        number = self.get("number", read_id)
        customer = self.get("customer", read_short)
        due = self.get("dueDate", lambda text: read_date(text, self.how.dates))
        email = self.get("email", read_email)
        external_id = self._external_id()
        consent = self.get("smsConsent", lambda text: self._consent(text, phone))
        if self.errors or not (currency and amount and number and customer and due):
            return self.errors
        return InvoiceRow(
            self.line,
            number,
            customer,
            due,
            amount,
            currency,
            "draft" if state is State.DRAFT else "sent",
            email,
            phone,
            self.text("project")[:200] or None,
            external_id,
            consent,
        )

    def _external_id(self) -> str | None:
        return self.get("externalId", _read_external_id)

    def _currency(self, text: str) -> str:
        """The row's currency: from its column, the option, or the mark beside the amount."""
        usual = text or self.how.currency or currency_beside(self.text("amount"))
        return read_currency(usual, "")

    def _owed(self, text: str, currency: str | None, state: State) -> int | None:
        """The amount still owed, in minor units; negative for a credit."""
        if currency is None:
            return None
        signs = self.how.signs
        owed = read_amount(text, currency, signs) if self.amount is None else self.amount
        paid_of_it = self.text("paidOfIt")
        if _read_paid(paid_of_it, owed, currency, signs):
            raise BadCell(
                f"{text[:40]!r} is what was billed or what is still owed, and {paid_of_it[:40]} is"
                " paid; say which, with --mapping total=COLUMN or --mapping amount=COLUMN"
            )
        self._refuse_other_total(owed, currency)
        if "isTotal" in self.how.columns:
            if "paid" in self.how.columns:
                total = owed
                paid = self.get("paid", lambda text: _read_paid(text, total, currency, signs))
                if paid is None:
                    return None
                self.paid = paid
                owed -= paid
            elif state is State.PARTIAL:
                raise BadCell(
                    "is the whole amount of an invoice that is partly paid, and the file does not"
                    " say what is still owed; export it with the open balance, or name that column"
                    " with --mapping amount=COLUMN"
                )
        if owed > 0:
            refuse_unchargeable(owed, currency)
        return owed

    def _refuse_other_total(self, total: int, currency: str) -> None:
        """Raise BadCell if an amount is not the total that stands in another column."""
        text = self.text("otherTotal")
        if text and read_amount(text, currency, self.how.signs) != total:
            raise BadCell(
                f"{self.text('amount')!r} is not {text[:40]}, which is under"
                f" {self.header[self.how.columns['otherTotal']]}; say which is owed with"
                " --mapping amount=COLUMN, or rename a column"
            )

    def _passed(self, kind: Kind, state: State) -> Passed:
        if kind is not Kind.INVOICE:
            why = "credit" if kind is Kind.CREDIT else "no invoice"
            return self._not_collected(why, self.text("type"), None)
        why = "held back" if state is State.HELD else "closed"
        return self._not_collected(why, self.text("status"), state)

    def _nothing_owed(self, amount: int, state: State) -> Passed:
        if amount < 0:
            return self._not_collected("credit", "less than nothing owed", None)
        # a balance of zero means that it was paid; a total of zero does not
        is_balance = "isTotal" not in self.how.columns
        is_paid = state is not State.DRAFT and (is_balance or self.paid > 0)
        return self._not_collected("nothing owed", "nothing owed", State.PAID if is_paid else None)

    def _not_collected(self, why: str, said: str, state: State | None) -> Passed:
        names = {name: self.text(name)[:LONGEST] for name in ("number", "customer", "amount")}
        return Passed(
            self.line,
            why,
            said=said,
            state=state,
            email=self.get("email", read_email),
            phone=self._phone(),
            external_id=self._external_id(),
            **names,
        )

    @property
    def _refuses(self) -> bool:
        """Whether the row has an opt-out or a refused consent."""
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
                    "is missing, but the row has an opt-out, which needs a number; add it, or leave"
                    " the opt-out empty",
                )
            )
        at = self.get("optOutAt", read_time) if stops and self.text("optOutAt") else None
        no_consent = self.text("smsConsent").casefold() in _NO - {""}
        if not stops and not no_consent:
            return None
        named = (self.text(name) for name in ("number", "customer", "externalId"))
        return Refusal(phone or "", tuple(sorted(stops)), at, no_consent, *named)

    def get(self, name: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        """Parse a cell; on an error, record it and return None."""
        try:
            return parse(self.text(name))
        except BadCell as error:
            place = self.how.columns.get(name)
            self.errors.append(
                RowError(
                    self.line, (self.header[place] if place is not None else "") or name, str(error)
                )
            )
            return None

    def _consent(self, text: str, phone: str | None) -> SmsConsent | None:
        if not read_yes(text):
            return None
        source = self.text("consentSource")
        given = self.text("consentAt")
        if not (phone and source and given):
            raise BadCell(
                "is yes, but a consent needs phone, consentSource and consentAt; add them, or leave"
                " the cell empty"
            )
        return SmsConsent(source[:200], read_time(given), self.text("consentText")[:2000])


def _read_external_id(text: str) -> str | None:
    """Parse a customer's id in the clinic's software; None if it stands for none. Raises
    BadCell.
    """
    try:
        return None if text.casefold() in _NO_ID else read_id(text[:LONGEST])
    except BadCell as error:
        raise BadCell(f"{error}; or say --mapping externalId= to do without these ids") from None


def _read_paid(text: str, total: int, currency: str, signs: Signs) -> int:
    """Parse what was paid of a total, in minor units: all for yes, nothing for no or a dash. Raises
    BadCell, also for less than zero.
    """
    word = text.casefold()
    if word in _NO or _DASH.fullmatch(text):
        return 0
    if word in _YES - {"1"}:
        return total
    try:
        paid = read_amount(text, currency, signs)
    except BadCell as error:
        raise BadCell(f"{error}; or say --mapping paid= if it is about something else") from None
    if paid < 0:
        raise BadCell(
            f"{text[:40]!r} is less than zero, as a payment or as one given back; write what was"
            " paid without a sign, or name the open balance's column with --mapping amount=COLUMN"
        )
    return paid


def read_yes(text: str) -> bool:
    """Whether a cell says yes. Raises BadCell if it says neither yes nor no."""
    if text.casefold() in _NO:
        return False
    if text.casefold() not in _YES:
        raise BadCell(f"{text[:40]!r} is neither yes nor no; write one of them, or leave it empty")
    return True


def read_time(text: str) -> datetime:
    """Parse a cell's time, in UTC unless it has an offset. Raises BadCell."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadCell(
            f"{text[:40]!r} is not a time; write one such as 2026-01-31T09:30:00Z"
        ) from None
    if at.year not in YEARS:
        raise BadCell(f"{text[:40]!r} is in the year {at.year}; correct it")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
