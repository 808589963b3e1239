"""Connections to SQLite: the file must exist, and writers take turns."""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from peewee import OperationalError, PeeweeException, SqliteDatabase

from models.connections.any_database import AnyDatabase, one_kind
from models.database_errors import state_of
from runtime.errors import Misconfigured
from runtime.private_files import private_folder

_BUSY = "SQLITE_BUSY"
_PAUSE = 0.000_1, 0.000_5  # seconds between two attempts to get the write lock


class _Cursor(sqlite3.Cursor):
    """SQLite runs, and commits, a statement while its rows are fetched, which can raise too."""

    def __next__(self) -> Any:
        with one_kind:
            return super().__next__()

    def fetchone(self) -> Any:
        with one_kind:
            return super().fetchone()

    def fetchmany(self, size: int | None = None) -> list[Any]:
        with one_kind:
            return super().fetchmany(size or self.arraysize)

    def fetchall(self) -> list[Any]:
        with one_kind:
            return super().fetchall()


class _Connection(sqlite3.Connection):
    """A connection that remembers which file it has open."""

    file: tuple[int, int] | None = None

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class Sqlite(AnyDatabase, SqliteDatabase):
    """SQLite in the file `path`, which only `create_file` creates.

    SQLite itself would create an empty database if the file has vanished, or keep writing to a file
    that was unlinked, and all of those writes would be lost.
    """

    patience = 5.0  # seconds to wait for other writers

    def __init__(self, path: Path, **options: Any) -> None:
        self.path, self._name = path, str(path)
        _opened.add(self)
        self.renew_turns()
        super().__init__(
            f"file:{quote(str(path))}?mode=rw", uri=True, factory=_Connection, **options
        )

    def renew_turns(self) -> None:
        """Reset the writers' lock: in a forked process, the threads that held it do not exist."""
        self._turns = threading.RLock()

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        connection.file = self._file()
        return connection

    def begin(self, lock_type: str = "IMMEDIATE") -> None:
        """Begin a transaction once no other thread of this process has one, so that at most one
        thread polls SQLite's lock.
        """
        give_up = time.monotonic() + self.patience
        with self._closed_if_interrupted():
            self._turns.acquire(timeout=self.patience)
            try:
                self._ask(f"BEGIN {lock_type}", give_up)
            except Exception:
                self._end_turn()
                raise

    def _ask(self, begin: str, give_up: float) -> None:
        """As `_in_turn`, with less overhead: waiting takes CPU time from the lock's holder."""
        with one_kind:
            cursor = self.cursor()
            while True:
                try:
                    cursor.execute(begin)
                except sqlite3.OperationalError as error:
                    if not error.sqlite_errorname.startswith(_BUSY) or time.monotonic() > give_up:
                        raise
                else:
                    return
                time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - so that two do not keep step

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement; outside a transaction, retry it while another writer holds the lock."""
        act = partial(super().execute_sql, sql, params)
        if self.in_transaction():
            return act()
        return self._in_turn(act, time.monotonic() + self.patience)

    @contextmanager
    def _closed_if_interrupted(self) -> Iterator[None]:
        """Close the connection if a job's timeout interrupts BEGIN or COMMIT: peewee does not know
        of a transaction then, and would leave it open, holding the lock that all others wait for.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.close()
            raise

    def _end_turn(self) -> None:
        with suppress(RuntimeError):  # this thread does not hold it, or no longer does
            while True:
                self._turns.release()

    def _in_turn(self, act: Callable[[], Any], give_up: float) -> Any:
        """Run a statement that may have to wait for another writer, retrying a few times each
        millisecond.

        SQLite's own busy handler sleeps longer with each retry, up to a tenth of a second, while
        the other writer returns at once: of two processes, one would get nearly every turn. A
        statement refused outside a transaction has done nothing, so it can be repeated.
        """
        while True:
            try:
                return act()
            except OperationalError as error:
                if not state_of(error).startswith(_BUSY) or time.monotonic() > give_up:
                    raise
            time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - so that two do not keep step

    def cursor(self, named_cursor: str | None = None) -> Any:
        """A cursor, on a new connection if the file has been replaced."""
        if not self.is_closed() and not self.in_transaction() and self._is_lost():
            self.close()  # the next use connects to the file that is there now
        return super().cursor(named_cursor)

    def commit(self) -> None:
        """Commit. Raises OperationalError if the file was removed or replaced."""
        with self._closed_if_interrupted():
            if self._is_lost():
                raise OperationalError(f"{self.path} was removed or replaced during a transaction")
            self._commit()
            self._end_turn()

    def _commit(self) -> None:
        with one_kind:
            self.connection().execute("COMMIT")  # without checking the file again

    def rollback(self) -> None:
        """Roll back, and end this thread's turn."""
        with self._closed_if_interrupted():
            try:
                super().rollback()
            finally:
                self._end_turn()

    def close(self) -> bool:
        """Close this thread's connection and end its turn. Returns whether it was open."""
        try:
            closed: bool = super().close()
        finally:
            self._end_turn()
        return closed

    @contextmanager
    def without_sync(self) -> Iterator[None]:
        """Let a commit inside reach the disk with the next synced one, of any connection: commits
        go to the disk in order. If the machine loses power before that, the commit and all later
        ones are lost; if only a process dies, nothing is.

        Has no effect inside a transaction, whose commit comes later.
        """
        usual = dict(self._pragmas)["synchronous"]  # type: ignore[attr-defined]
        if usual != "full" or self.in_transaction():
            yield
            return
        self._set_synchronous("normal")
        try:
            yield
        finally:
            if not self.is_closed():
                self._set_synchronous(usual)

    def _set_synchronous(self, level: str) -> None:
        try:
            with one_kind:
                self.connection().execute(f"PRAGMA synchronous = {level}")
        except PeeweeException:
            self.drop_connection()  # a new connection syncs again
            raise

    def create_file(self) -> None:
        """Create the file, empty and private, and its folder, if missing. Raises Misconfigured."""
        try:
            private_folder(self.path.parent)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise Misconfigured(
                f"The database {self.path} cannot be created: {error.strerror}. Let this user write"
                " to its folder, free space on its disk, or name another path in DATABASE_URL."
            ) from None

    def _is_lost(self) -> bool:
        there = self._file()
        return there is None or self.connection().file != there

    def _file(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._name)  # noqa: PTH116 - with each commit
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _renew_turns() -> None:
    for database in _opened:
        database.renew_turns()


_opened: "WeakSet[Sqlite]" = WeakSet()
os.register_at_fork(after_in_child=_renew_turns)
