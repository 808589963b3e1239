"""What an import remembers about the rows it has read, in constant memory."""

import sqlite3
from collections import Counter
from collections.abc import Iterable

from rules.imports.invoice_csv import RowError

SHOWN = 50  # errors on the screen; the rest are counted
SLACK = 4 * SHOWN  # errors held before the list is cut to the first ones
NAMED = 20  # invoices listed under one heading on the screen


class FirstErrors:
    """The number of errors, and the first of them by line."""

    def __init__(self) -> None:
        self.count = 0
        self._held: list[RowError] = []

    def add(self, errors: Iterable[RowError]) -> None:
        """Count the errors, and keep only those on the lowest lines."""
        for error in errors:
            self.count += 1
            self._held.append(error)
        if len(self._held) > SLACK:
            self._held = self.first

    @property
    def first(self) -> list[RowError]:
        """The first errors, ordered by line."""
        return sorted(self._held, key=lambda error: error.line)[:SHOWN]


class FirstNames:
    """For each heading, the number of names and the first of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._held: dict[str, list[str]] = {}

    def add(self, heading: str, name: str) -> None:
        """Count the name, and keep only the first ones."""
        self.counts[heading] += 1
        held = self._held.setdefault(heading, [])
        if len(held) < NAMED:
            held.append(name)

    def lines(self) -> list[str]:
        """Return a line for each heading: its names, and how many more there are."""
        return [
            f"{heading}: {', '.join(held)}"
            + (f" and {self.counts[heading] - len(held)} more" * (self.counts[heading] > len(held)))
            for heading, held in self._held.items()
        ]


class SeenNumbers:
    """The line on which each invoice number of a file appeared first, in a temporary on-disk SQLite
    database that disappears with the process.

    It stores line numbers and hashes, none of the rows' contents.
    """

    def __init__(self) -> None:
        # "" is an unnamed temporary file, deleted on close
        self._kept = sqlite3.connect("", isolation_level=None)
        table = "CREATE TABLE seen (number INTEGER PRIMARY KEY, line INTEGER, what INTEGER)"
        for statement in ("PRAGMA journal_mode=OFF", "PRAGMA temp_store=FILE", table, "BEGIN"):
            self._kept.execute(statement)

    def first(self, number: str, line: int, what: object) -> tuple[int, bool]:
        """Return the line on which this number appeared first (`line` if it is new), and whether it
        had the same `what` there.
        """
        key, kept = hash(number), hash(what)
        self._kept.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (key, line, kept))
        first, before = self._kept.execute(
            "SELECT line, what FROM seen WHERE number = ?", (key,)
        ).fetchone()
        return first, before == kept

    def __contains__(self, number: str) -> bool:
        found = self._kept.execute("SELECT 1 FROM seen WHERE number = ?", (hash(number),))
        return found.fetchone() is not None

    def close(self) -> None:
        """Delete the database."""
        self._kept.close()
