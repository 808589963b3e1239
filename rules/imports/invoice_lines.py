"""Sum up files that have a row for each line of an invoice."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from rules.imports.csv_amounts import read_amount
from rules.imports.csv_cells import BadCell, read_currency
from rules.imports.invoice_csv import Reading, RowError, card_errors

_SAME = ("customer", "dueDate", "currency", "status")


class Row(NamedTuple):
    """A row of the file: its first line, its cells, and the sum, in minor units, of several rows,
    which replaces its own amount.
    """

    line: int
    cells: list[str]
    amount: int | None = None


def summed(rows: Iterable[Row], header: list[str], how: Reading) -> Iterator[Row | list[RowError]]:
    """Yield one row for each invoice, whose lines must be adjacent, with the sum of their amounts.

    If a line cannot be parsed, its errors replace the invoice, so that they are reported and a
    partial sum is never taken for the whole.
    """
    for _, lines in groupby(rows, key=lambda row: how.text("number", row.cells) or row.line):
        found: Row | list[RowError] | None = None
        for line in lines:
            if found is None:
                found = line
            elif isinstance(found, Row):
                found = _with(found, line, header, how)
        if found is not None:
            yield found


def _with(row: Row, line: Row, header: list[str], how: Reading) -> Row | list[RowError]:
    """Add one more line of its invoice to the row, or return the line's errors."""
    if card_errors(line.line, line.cells, header):
        return card_errors(line.line, line.cells, header)
    for name in _SAME:
        if how.text(name, line.cells) != how.text(name, row.cells):
            message = (
                f"differs from line {row.line}, which is of the same invoice; correct one of them"
            )
            return [RowError(line.line, header[how.columns[name]], message)]
    try:
        before = _amount(row, how) if row.amount is None else row.amount
        return row._replace(amount=before + _amount(line, how))
    except BadCell as error:
        return [RowError(line.line, header[how.columns["amount"]], str(error))]


def _amount(row: Row, how: Reading) -> int:
    currency = read_currency(how.text("currency", row.cells), how.currency)
    return read_amount(how.text("amount", row.cells), currency, how.signs)
