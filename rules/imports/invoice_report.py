"""The invoice rows of a downloaded report, which has titles, customers, totals and footers between
them.

QuickBooks' reports put a row with the customer's name above the customer's invoices and a row
"Total for …" below; a customer's jobs are groups within the group. Only rows that are certainly not
invoices are skipped: a broken row is never dropped.
"""

import re
from collections.abc import Mapping, Sequence

from rules.imports.invoice_columns import has_customer_rows

_TOTAL = re.compile(r"(?:grand |report |sub)?[ -]?totals?\b(?: for\b)?\s*(?P<of>.*)", re.IGNORECASE)
_WITH_JOBS = re.compile(r" with (?:sub-?customers|subs|jobs)$", re.IGNORECASE)
_FOOTER = re.compile(
    r"(?:accrual|cash) basis\b.*|page \d+(?: of \d+)?"
    r"|(?:created|generated|printed|exported|run) (?:on|by|at)\b.*"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day, *[a-z]+ \d{1,2}, *\d{4}\b.*"
    r"|\*+ .*|end of report",
    re.IGNORECASE,
)


class Report:
    """Reads a file's rows in order and identifies which are invoices, and whose.

    `has_totals`: groups end with a row "Total …", so a nested group can be told from the next one.
    """

    def __init__(
        self, header: Sequence[str], columns: Mapping[str, int], *, has_totals: bool = False
    ) -> None:
        self._header, self._columns = list(header), columns
        self._has_customer_rows = has_customer_rows(header, columns)
        named = [place for place, name in enumerate(header) if name]
        self._first = named[0] if named else 0  # rows above this column are groups' names
        self._groups: list[str] = []
        self._has_totals, self._has_rows = has_totals, False

    def row(self, cells: Sequence[str]) -> list[str] | None:
        """The cells of an invoice's row, with its customer; None for any other row."""
        filled = [place for place, cell in enumerate(cells) if cell]
        if not filled or list(cells) == self._header:
            return None
        if self._is_total(cells, filled):
            self._close(cells[filled[0]])
            return None
        if filled == list(range(len(filled))) and _FOOTER.fullmatch(
            ", ".join(cells[: len(filled)])
        ):
            return None  # one cell, or several where its commas were not quoted
        if filled[-1] < self._first:
            self._open(cells[filled[-1]])
            return None
        if not self._has_customer_rows:
            return list(cells)
        self._has_rows = True
        place = self._columns["customer"]
        return [*cells[:place], cells[place] or ":".join(self._groups), *cells[place + 1 :]]

    def _is_total(self, cells: Sequence[str], filled: Sequence[int]) -> bool:
        """Whether a row begins with "Total" and has none of an invoice's fields."""
        first = filled[0]
        if not _TOTAL.fullmatch(cells[first]):
            return False
        own = [self._columns.get(name) for name in ("number", "customer", "dueDate", "type")]
        is_alone = not any(place in filled for place in own if place != first)
        is_group = first < self._first and cells[first] != "" and len(filled) == 1
        return is_alone and (not is_group or self._closes(cells[first]) is not None)

    def _open(self, name: str) -> None:
        if self._has_rows and not self._has_totals:
            self._groups.clear()
        self._groups.append(name)
        self._has_rows = False

    def _closes(self, text: str) -> int | None:
        """The index of the open group that a total belongs to."""
        found = _TOTAL.fullmatch(text)
        name = _WITH_JOBS.sub("", found["of"]).strip() if found else ""
        places = [place for place, group in enumerate(self._groups) if group == name]
        return places[-1] if places else None

    def _close(self, text: str) -> None:
        place = self._closes(text)
        if place is not None:
            del self._groups[place:]
        self._has_rows = False


def is_total_of_a_group(cells: Sequence[str]) -> bool:
    """Whether a row ends a group, as "Total for Ada Payer" does."""
    found = next((_TOTAL.fullmatch(cell) for cell in cells if cell), None)
    return found is not None and bool(found["of"])
