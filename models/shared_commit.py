"""One commit for what several threads of a process write at the same moment, on SQLite, whose one
writer would otherwise wait for the disk once for each of them. PostgreSQL does so by itself.

Whoever comes first leads: it begins a transaction, does the parts of all who have come meanwhile,
its own first, and commits. The next of those who came later leads then. Each is answered after the
commit that has its part.
"""

import threading
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, TypeVar

from peewee import InterfaceError, OperationalError

from models.transactions import (
    OutcomeUnknown,
    after_commit,
    count_commit,
    database,
    is_postgres,
    transaction,
)

T = TypeVar("T")
R = TypeVar("R")
Keep = Callable[[Sequence[T]], Sequence[R]]

_MOST = 100  # parts in one commit


class _Told(Enum):
    """What a thread that waits is told."""

    LEAD = "commit for all who wait"
    SAVED = "your part is committed"
    ALONE = "somebody failed, nothing is saved: commit for yourself"
    FAILED = "the commit failed, with your part's error"


class _Part:
    """What one thread wants kept, how, and what came of it."""

    def __init__(self, keep: Keep[Any, Any], item: Any) -> None:
        self.keep, self.item = keep, item
        self._heard = threading.Lock()
        self._heard.acquire()
        self.told = _Told.LEAD
        self.result: Any = None
        self.error: BaseException | None = None

    def tell(self, what: _Told, error: BaseException | None = None) -> None:
        """Let its thread go on; only the first time, once it has been told how it ended."""
        if self.told is not _Told.LEAD:
            return
        self.told, self.error = what, error
        self._heard.release()

    def wait(self) -> None:
        """Wait until told."""
        self._heard.acquire()


class _Line:
    """Who waits for a commit, and whether somebody sees to the next one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: list[_Part] = []
        self.is_led = False

    def join(self, part: _Part) -> bool:
        """Wait in line; whether this one leads."""
        with self.lock:
            self.waiting.append(part)
            leads, self.is_led = not self.is_led, True
        return leads

    def take(self) -> list[_Part]:
        """Those whose turn it is, the leader first."""
        with self.lock:
            taken, self.waiting = self.waiting[:_MOST], self.waiting[_MOST:]
        return taken

    def hand_over(self) -> None:
        """Let the first of those who still wait lead."""
        with self.lock:
            self.is_led = bool(self.waiting)
            if self.waiting:
                self.waiting[0].tell(_Told.LEAD)


_line = _Line()


def in_shared_commit(keep: Keep[T, R], item: T) -> R:
    """What `keep` makes of `item` in a transaction that other threads of this process may share,
    once that is committed. `keep` is given what all of them brought for it, and answers in that
    order.

    What it raises is raised, and nothing of the item is saved; one that fails takes no other with
    it, unless it is the database that fails: that is told to all. It may run in another thread,
    and is done again for each alone, after a rollback, when it failed for several. Raises as
    `transaction` does.
    """
    if is_postgres() or database.in_transaction():
        return _alone(keep, item)
    part = _Part(keep, item)
    if not _line.join(part):
        part.wait()
    if part.told is _Told.LEAD:
        _lead()
    elif part.told is _Told.SAVED:
        count_commit()
    if part.told is _Told.ALONE:
        return _alone(keep, item)
    if part.error is not None:
        raise part.error
    result: R = part.result
    return result


def _alone(keep: Keep[T, R], item: T) -> R:
    with transaction():
        return keep([item])[0]


def _lead() -> None:
    """Commit for all who wait, and tell each of them, before anything else that follows a commit:
    whatever that is, nobody waits for it.
    """
    group: list[_Part] = []
    try:
        with transaction():
            group = _line.take()
            after_commit(_tell_saved, *group)
            for keep in dict.fromkeys(part.keep for part in group):
                _do(keep, [part for part in group if part.keep is keep])
    except (OperationalError, InterfaceError) as error:  # the database's, or nobody knows
        _tell(group or _line.take(), _Told.FAILED, error)
    except Exception:  # noqa: BLE001 - each does its part alone, where it is raised
        _tell(group or _line.take(), _Told.ALONE)
    except BaseException:
        ended = OutcomeUnknown("The thread that was to commit ended.")
        _tell(group or _line.take(), _Told.FAILED, ended)
        raise


def _do(keep: Keep[Any, Any], parts: list[_Part]) -> None:
    results = keep([part.item for part in parts])
    for part, result in zip(parts, results, strict=True):
        part.result = result


def _tell_saved(group: list[_Part]) -> None:
    _tell(group, _Told.SAVED)


def _tell(group: list[_Part], what: _Told, error: BaseException | None = None) -> None:
    """Let the next lead, and these go on."""
    _line.hand_over()
    for part in group:
        part.tell(what, error)
