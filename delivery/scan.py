"""A scan through rows in a fixed order: each row is tried once, and none that fails or stays
unchanged keeps a later one from being tried.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from peewee import InterfaceError, OperationalError

from delivery.attempt import Snooze
from runtime.errors import SomeFailed
from runtime.log import get_log

ENOUGH = 5.0  # seconds after which an attempt makes room for other jobs of its queue

log = get_log("job")


class HasId(Protocol):
    """A row with an id."""

    id: str


R = TypeVar("R", bound=HasId)


@dataclass(slots=True)
class Scan:
    """The progress of a scan, earlier attempts included: how many rows `failed`, and the id of the
    `first` of them. `failure` is the log message for a row that fails.
    """

    failure: str
    failed: int = 0
    first: str = ""
    begun: float = field(default_factory=time.monotonic)

    def attempt(self, row_id: str, work: Callable[[], object]) -> bool:
        """Do the work on a row and return whether it succeeded.

        An error of the row's own is logged with the row's id.
        """
        try:
            work()
        except (OperationalError, InterfaceError):
            raise  # not the row's fault: a database that is down would fail the next row as well
        except Exception:
            log.exception(self.failure, row=row_id)
            self.failed += 1
            self.first = self.first or row_id
            return False
        return True

    def snooze_if_long(self, *last: str | int) -> None:
        """Make room for other jobs if this attempt has taken long.

        Raises Snooze; the next attempt continues after the row `last`, and keeps the count of
        failed rows.
        """
        if time.monotonic() - self.begun > ENOUGH:
            raise Snooze("there are more rows", 0.0, onward=(*last, self.failed, self.first))

    def end(self) -> None:
        """End the scan after the last row. Raises SomeFailed if any row failed."""
        if self.failed:
            raise SomeFailed(
                f"{self.failure}: {self.failed} in all, {self.first} first; each has a line in the"
                " log."
            )


def try_each(failure: str, page: Callable[[str], Sequence[R]], work: Callable[[R], object]) -> None:
    """Do the work on each row of every page; `page` returns the rows after an id, in order.

    Raises SomeFailed at the end if any row failed.
    """
    scan, last = Scan(failure), ""
    while rows := page(last):
        for row in rows:
            scan.attempt(row.id, partial(work, row))
        last = rows[-1].id
    scan.end()
