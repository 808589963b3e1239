"""Group commit: one SQLite commit for the writes of several threads at the same moment.

Otherwise SQLite's single writer would wait for the disk once per thread. PostgreSQL does this
itself.

The first thread to arrive leads: it begins a transaction, writes the parts of all threads that have
arrived by then, its own first, and commits. Then the first thread of those that arrived later
leads. Each call returns after the commit that includes its part.
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


class _Reply(Enum):
    """What a waiting thread must do when it is woken."""

    LEAD = "commit for all who wait"
    SAVED = "your part is committed"
    ALONE = "a part failed, nothing is saved: commit yours alone"
    FAILED = "the commit failed, with your part's error"


class _Part:
    """One thread's item, the function that writes it, and the result."""

    def __init__(self, keep: Keep[Any, Any], item: Any) -> None:
        self.keep, self.item = keep, item
        self._woken = threading.Lock()
        self._woken.acquire()
        self.reply = _Reply.LEAD
        self.result: Any = None
        self.error: BaseException | None = None

    def wake(self, what: _Reply, error: BaseException | None = None) -> None:
        """Wake its thread. Once it knows the outcome, later calls change nothing."""
        if self.reply is not _Reply.LEAD:
            return
        self.reply, self.error = what, error
        self._woken.release()

    def wait(self) -> None:
        """Wait for `wake`."""
        self._woken.acquire()


class _Line:
    """The threads that wait for a commit, and whether one of them leads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: list[_Part] = []
        self.is_led = False

    def join(self, part: _Part) -> bool:
        """Join the line, and return whether this thread leads."""
        with self.lock:
            self.waiting.append(part)
            leads, self.is_led = not self.is_led, True
        return leads

    def take(self) -> list[_Part]:
        """Take the next group out of the line, the leader first."""
        with self.lock:
            taken, self.waiting = self.waiting[:_MOST], self.waiting[_MOST:]
        return taken

    def hand_over(self) -> None:
        """Make the first thread that still waits the leader."""
        with self.lock:
            self.is_led = bool(self.waiting)
            if self.waiting:
                self.waiting[0].wake(_Reply.LEAD)


_line = _Line()


def in_shared_commit(keep: Keep[T, R], item: T) -> R:
    """Return what `keep` makes of `item` in a transaction that other threads of this process may
    share, once it is committed. `keep` gets the items of all of them, and returns results in that
    order.

    If `keep` raises, the error is raised here and nothing of the item is saved. One failing item
    does not affect the others; a failing database fails all. `keep` may run in another thread, and
    runs again for each item alone, after a rollback, if it failed for several. Raises as
    `transaction` does.
    """
    if is_postgres() or database.in_transaction():
        return _alone(keep, item)
    part = _Part(keep, item)
    if not _line.join(part):
        part.wait()
    if part.reply is _Reply.LEAD:
        _lead()
    elif part.reply is _Reply.SAVED:
        count_commit()
    if part.reply is _Reply.ALONE:
        return _alone(keep, item)
    if part.error is not None:
        raise part.error
    result: R = part.result
    return result


def _alone(keep: Keep[T, R], item: T) -> R:
    with transaction():
        return keep([item])[0]


def _lead() -> None:
    """Commit for all waiting threads and tell them before any other work that follows a commit, so
    that no thread waits for that work.
    """
    group: list[_Part] = []
    try:
        with transaction():
            group = _line.take()
            after_commit(_wake_saved, *group)
            for keep in dict.fromkeys(part.keep for part in group):
                _do(keep, [part for part in group if part.keep is keep])
    except (OperationalError, InterfaceError) as error:  # the database failed, or it is in doubt
        _wake_all(group or _line.take(), _Reply.FAILED, error)
    except Exception:  # noqa: BLE001 - each thread retries alone, and raises its own
        _wake_all(group or _line.take(), _Reply.ALONE)
    except BaseException:
        ended = OutcomeUnknown("The thread that was to commit ended.")
        _wake_all(group or _line.take(), _Reply.FAILED, ended)
        raise


def _do(keep: Keep[Any, Any], parts: list[_Part]) -> None:
    results = keep([part.item for part in parts])
    for part, result in zip(parts, results, strict=True):
        part.result = result


def _wake_saved(group: list[_Part]) -> None:
    _wake_all(group, _Reply.SAVED)


def _wake_all(group: list[_Part], what: _Reply, error: BaseException | None = None) -> None:
    """Hand the lead over, then wake these threads."""
    _line.hand_over()
    for part in group:
        part.wake(what, error)
