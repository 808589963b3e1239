"""What an import remembers of the rows it has read, in constant memory."""

import sqlite3
from collections.abc import Iterable

from rules.invoice_csv import InvoiceRow, RowError

SHOWN = 50  # errors on the screen; the rest are counted
SLACK = 4 * SHOWN  # errors held until they are sorted out


class FirstErrors:
    """The number of errors, and the first ones by line."""

    def __init__(self) -> None:
        self.count = 0
        self._held: list[RowError] = []

    def add(self, errors: Iterable[RowError]) -> None:
        """Count them; only those with the lowest lines are kept."""
        for error in errors:
            self.count += 1
            self._held.append(error)
        if len(self._held) > SLACK:
            self._held = self.first

    @property
    def first(self) -> list[RowError]:
        """The first errors, in the order of their lines."""
        return sorted(self._held, key=lambda error: error.line)[:SHOWN]


class SeenNumbers:
    """Where each invoice number of a file stood first, in a temporary database that SQLite keeps on
    disk and forgets with us.

    It holds lines and hashes, nothing of what the rows say.
    """

    def __init__(self) -> None:
        # "" is a nameless file, gone when it is closed
        self._kept = sqlite3.connect("", isolation_level=None)
        table = "CREATE TABLE seen (number INTEGER PRIMARY KEY, line INTEGER, what INTEGER)"
        for statement in ("PRAGMA journal_mode=OFF", "PRAGMA temp_store=FILE", table, "BEGIN"):
            self._kept.execute(statement)

    def first(self, row: InvoiceRow) -> tuple[int, bool]:
        """The line on which the row's number stood first, its own if it is new; and whether that
        was the same invoice.
        """
        number, what = (
            hash(row.number),
            hash((row.amount, row.currency, row.due_date, row.customer)),
        )
        self._kept.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (number, row.line, what))
        line, before = self._kept.execute(
            "SELECT line, what FROM seen WHERE number = ?", (number,)
        ).fetchone()
        return line, before == what

    def close(self) -> None:
        """Delete it."""
        self._kept.close()
