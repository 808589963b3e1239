"""Connections to SQLite and PostgreSQL whose errors are of few kinds, wherever they arise: at
connect, execute, fetch, commit or rollback.

What waiting may mend is an OperationalError or an InterfaceError: a full disk, a lock, a file that
is gone, a server that is away, read-only or out of connections.
"""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit
from weakref import WeakSet

import peewee
from peewee import (
    DatabaseError,
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
    SqliteDatabase,
)
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase

from models.database_errors import IN_FAILED_TRANSACTION, lacks_tables, state_of
from runtime.errors import Misconfigured
from runtime.private_files import private_folder
from runtime.settings import ROOT

TOO_LARGE = "54"  # the class of PostgreSQL's errors about what is too long for a row or an index
# A statement that ran for longer than allowed: it is not repeated, for it would take as long again.
CANCELLED = "57014"
_BUSY = "SQLITE_BUSY"
_PAUSE = 0.000_2, 0.001_5  # seconds
# A server that vanished without closing its connections is noticed within half a minute.
NOTICE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class _OneKind(peewee.ExceptionWrapper):
    """Raises the driver's errors as peewee's, and as OperationalError what is neither the
    statement's nor the value's fault.
    """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if not isinstance(error, PeeweeException):
                super().__exit__(kind, error, traceback)
        except PeeweeException as known:
            raise _sorted(known) from error
        if isinstance(error, MaxConnectionsExceeded):
            raise OperationalError(error, *error.args) from error
        if isinstance(error, PeeweeException) and _sorted(error) is not error:
            raise _sorted(error) from error


def _sorted(error: PeeweeException) -> PeeweeException:
    """The error under the class that says what to do about it; itself if it has that."""
    state = state_of(error)
    if state.startswith(TOO_LARGE):
        # psycopg calls this an operational error, but the value is at fault: repeating it or
        # waiting does not help.
        return error if isinstance(error, DataError) else DataError(error, *error.args)
    if isinstance(error, OperationalError):
        return error
    is_ours = state == IN_FAILED_TRANSACTION
    if (isinstance(error, InternalError) and not is_ours) or type(error) is DatabaseError:
        return OperationalError(error, *error.args)
    return OperationalError(error, *error.args) if lacks_tables(error) else error


_one_kind = _OneKind(peewee.EXCEPTIONS)  # type: ignore[attr-defined]


class _Database(peewee.Database):
    """What both kinds have in common."""

    def connect(self, reuse_if_open: bool = False) -> bool:
        with _one_kind:
            opened: bool = super().connect(reuse_if_open)
        return opened

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        self._log_query(sql, params)  # type: ignore[attr-defined]
        with _one_kind:  # as peewee does it, in one wrapper of errors, and without its hooks
            cursor = self.cursor()
            cursor.execute(sql, params or ())
            return cursor

    def begin(self, *how: Any) -> None:
        with _one_kind:
            super().begin(*how)

    def commit(self) -> None:
        with _one_kind:
            super().commit()

    def rollback(self) -> None:
        """Roll back; a connection that cannot say that it has is dropped, which rolls back as well:
        what is raised is the error that led here, not that of the rollback.
        """
        try:
            super().rollback()
        except PeeweeException:
            self.drop_connection()
        finally:
            self._clear_commit_callbacks()  # type: ignore[attr-defined]

    def drop_connection(self) -> None:
        """Close this thread's connection, whatever state it is in."""
        self.close()

    @contextmanager
    def without_sync(self) -> Iterator[None]:
        """Let no commit inside wait for the disk, where that can be had safely; here it cannot."""
        yield


class _Patient(PostgresqlDatabase):
    """PostgreSQL whose server cancels a statement after `patience` seconds, including the time it
    waits for locks; None: never.
    """

    patience: float | None = None

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        if self.patience is not None:
            connection.cursor().execute(f"SET statement_timeout = {int(self.patience * 1000)}")
        return connection


class _Postgres(_Database, PooledPostgresqlDatabase, _Patient):  # type: ignore[misc]
    """PostgreSQL through psycopg 3 and a pool, which reconnects when the server restarts.

    A result is in memory once its statement is executed: fetching it asks no server.
    """

    def begin(self, *how: Any) -> None:
        try:
            super().begin(*how)
        except (OperationalError, InterfaceError):
            # A dead connection shows at BEGIN. Nothing has happened yet, so it is safe to repeat.
            self._connect_anew()
            super().begin(*how)

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        try:
            return super().execute_sql(sql, params)
        except (OperationalError, InterfaceError) as error:
            if (
                state_of(error) == CANCELLED
                or lacks_tables(error)
                or self.in_transaction()
                or not sql.lstrip()[:6].upper() == "SELECT"
            ):
                raise
            # Only a SELECT outside a transaction may be repeated: whatever a lost connection had
            # begun, it changed nothing.
            self._connect_anew()
            return super().execute_sql(sql, params)

    def drop_connection(self) -> None:
        self.manual_close()

    def _connect_anew(self) -> None:
        self.close_idle()
        self.manual_close()
        self.connect(reuse_if_open=True)


class _Cursor(sqlite3.Cursor):
    """SQLite goes on with a statement, and commits it, while its rows are fetched: errors arise
    there too.
    """

    def __next__(self) -> Any:
        with _one_kind:
            return super().__next__()

    def fetchone(self) -> Any:
        with _one_kind:
            return super().fetchone()

    def fetchmany(self, size: int | None = None) -> list[Any]:
        with _one_kind:
            return super().fetchmany(size or self.arraysize)

    def fetchall(self) -> list[Any]:
        with _one_kind:
            return super().fetchall()


class _Connection(sqlite3.Connection):
    """A connection that knows which file it has open."""

    file: tuple[int, int] | None = None

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class _Sqlite(_Database, SqliteDatabase):
    """SQLite in the file `path`, which `create_file` makes, and nobody else.

    SQLite itself would make an empty database where the file has vanished, or write on into a file
    that no name leads to any more, and all of that would be lost.
    """

    patience = 5.0  # seconds to wait for others who write

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        _opened.add(self)
        self.renew_turns()
        super().__init__(
            f"file:{quote(str(path))}?mode=rw", uri=True, factory=_Connection, **options
        )

    def renew_turns(self) -> None:
        """Let nobody have a turn: in a new process, none of the other's threads go on."""
        self._turns = threading.RLock()

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        connection.file = self._file()
        return connection

    def begin(self, *how: Any) -> None:
        """Begin a transaction once no other thread has one: of all that would ask SQLite again and
        again, one asks.
        """
        give_up = time.monotonic() + self.patience
        with self._closed_if_cut_short():
            self._turns.acquire(timeout=self.patience)
            try:
                self._in_turn(partial(super().begin, *how), give_up)
            except Exception:
                self._end_turn()
                raise

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        act = partial(super().execute_sql, sql, params)
        if self.in_transaction():
            return act()
        return self._in_turn(act, time.monotonic() + self.patience)

    @contextmanager
    def _closed_if_cut_short(self) -> Iterator[None]:
        """Close the connection when a job's time is over amid a beginning or an end: peewee knows
        of no transaction then, and would leave it open, with the lock that all others wait for.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.close()
            raise

    def _end_turn(self) -> None:
        with suppress(RuntimeError):  # it is not ours, or not any more
            while True:
                self._turns.release()

    def _in_turn(self, act: Callable[[], Any], give_up: float) -> Any:
        """Do what may have to wait for another writer, asking again every millisecond.

        SQLite's own waiting sleeps longer with each try, up to a tenth of a second, while whoever
        writes comes back at once: of two processes one would get nearly every turn. What is refused
        outside a transaction has done nothing, and may be repeated.
        """
        while True:
            try:
                return act()
            except OperationalError as error:
                if not state_of(error).startswith(_BUSY) or time.monotonic() > give_up:
                    raise
            time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - so that two do not keep step

    def cursor(self, named_cursor: str | None = None) -> Any:
        if not self.is_closed() and not self.in_transaction() and self._is_lost():
            self.close()  # and connects again, to what is there now
        return super().cursor(named_cursor)

    def commit(self) -> None:
        with self._closed_if_cut_short():
            if self._is_lost():
                raise OperationalError(f"{self.path} was removed or replaced during a transaction")
            super().commit()
            self._end_turn()

    def rollback(self) -> None:
        with self._closed_if_cut_short():
            try:
                super().rollback()
            finally:
                self._end_turn()

    def close(self) -> bool:
        try:
            closed: bool = super().close()
        finally:
            self._end_turn()
        return closed

    @contextmanager
    def without_sync(self) -> Iterator[None]:
        """Let a commit inside reach the disk with the next one outside, whoever makes that: commits
        go to the disk in their order. If the machine loses power before, it never was, and nor was
        anything that came after it; a process that dies loses nothing.

        Inside a transaction, whose commit comes later, nothing changes.
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
            with _one_kind:
                self.connection().execute(f"PRAGMA synchronous = {level}")
        except PeeweeException:
            self.drop_connection()  # a new one waits for the disk
            raise

    def create_file(self) -> None:
        """Make the file, empty and private, and its folder, if they are not there."""
        try:
            private_folder(self.path.parent)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise Misconfigured(
                f"The database {self.path} cannot be made: {error.strerror}. Let this user write to"
                " its folder, make room on its disk, or name another place in DATABASE_URL."
            ) from None

    def _is_lost(self) -> bool:
        there = self._file()
        return there is None or self.connection().file != there

    def _file(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _renew_turns() -> None:
    for database in _opened:
        database.renew_turns()


_opened: "WeakSet[_Sqlite]" = WeakSet()
os.register_at_fork(after_in_child=_renew_turns)


def open_database(url: str, patience: float | None = None) -> peewee.Database:
    """The database of `url`: `sqlite:///relative/path`, `sqlite:////absolute/path` or
    `postgresql://…`.

    PostgreSQL cancels a statement after `patience` seconds.

    Raises Misconfigured for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        # FULL: a commit returns only when it has reached the disk, and so does a 2xx.
        pragmas = {
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "temp_store": "memory",
            "busy_timeout": 0,  # last, for the others may have to wait; then we wait ourselves
        }
        return _Sqlite(ROOT / parts.path[1:], pragmas=pragmas, timeout=5)
    if parts.scheme in {"postgres", "postgresql"}:
        made = _Postgres(
            url,
            max_connections=32,
            stale_timeout=300,
            timeout=5,
            prefer_psycopg3=True,
            connect_timeout=5,
            **NOTICE,
        )
        made.patience = patience
        return made
    raise Misconfigured(
        f"DATABASE_URL starts with {parts.scheme!r}; use sqlite:///path or postgresql://…."
    )
