"""A scan's way through rows, in an order: each has its turn once, and none that fails, or stays as
it is, keeps another from its own.
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

ENOUGH = 5.0  # seconds of an attempt, after which others in its queue have a turn

log = get_log("job")


class HasId(Protocol):
    """A row."""

    id: str


R = TypeVar("R", bound=HasId)


@dataclass(slots=True)
class Scan:
    """What became of the rows so far, also in earlier attempts: how many `failed`, and the id of
    the `first` of them. `failure` says of one what it is that failed.
    """

    failure: str
    failed: int = 0
    first: str = ""
    begun: float = field(default_factory=time.monotonic)

    def tries(self, row_id: str, work: Callable[[], object]) -> bool:
        """Do the work on a row; whether it was done. An error of its own is told in the log, by the
        row's id.
        """
        try:
            work()
        except (OperationalError, InterfaceError):
            raise  # not the row's fault: a database that is away is so for the next one as well
        except Exception:
            log.exception(self.failure, row=row_id)
            self.failed += 1
            self.first = self.first or row_id
            return False
        return True

    def rests(self, *last: str | int) -> None:
        """Let others have a turn, if this attempt has taken long: the next one is given where this
        one has stopped, after the row `last`, and what has failed. Raises Snooze.
        """
        if time.monotonic() - self.begun > ENOUGH:
            raise Snooze("there are more rows", 0.0, onward=(*last, self.failed, self.first))

    def end(self) -> None:
        """All have had their turn. Raises SomeFailed if any failed."""
        if self.failed:
            raise SomeFailed(
                f"{self.failure}: {self.failed} in all, {self.first} first; each has a line in the"
                " log."
            )


def try_each(failure: str, page: Callable[[str], Sequence[R]], work: Callable[[R], object]) -> None:
    """Do the work on each row of every page: `page` gives those after an id, in order. Raises
    SomeFailed in the end.
    """
    scan, last = Scan(failure), ""
    while rows := page(last):
        for row in rows:
            scan.tries(row.id, partial(work, row))
        last = rows[-1].id
    scan.end()
