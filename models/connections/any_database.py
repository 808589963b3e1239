"""What connections to both databases have in common: few kinds of errors, whether at connect,
execute, fetch, commit or rollback.

An OperationalError or InterfaceError is one that waiting may cure: a full disk, a lock, a missing
file, a server that is down, read-only or out of connections.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import peewee
from peewee import DatabaseError, DataError, InternalError, OperationalError, PeeweeException
from playhouse.pool import MaxConnectionsExceeded

from models.database_errors import IN_FAILED_TRANSACTION, lacks_tables, state_of

TOO_LARGE = "54"  # PostgreSQL's class of errors about values too large for a row or an index


class _OneKind(peewee.ExceptionWrapper):
    """Raises the driver's errors as peewee's, and as OperationalError if neither the statement nor
    a value is at fault.
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
            raise _reclassified(known) from error
        if isinstance(error, MaxConnectionsExceeded):
            raise OperationalError(error, *error.args) from error
        if isinstance(error, PeeweeException) and _reclassified(error) is not error:
            raise _reclassified(error) from error


def _reclassified(error: PeeweeException) -> PeeweeException:
    """The error under the class that says what to do about it, which may be its own."""
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


one_kind = _OneKind(peewee.EXCEPTIONS)  # type: ignore[attr-defined]


class _Lent(threading.local):
    connection: Any = None


class AnyDatabase(peewee.Database):
    """What both databases have in common."""

    @property
    def _state(self) -> Any:
        """The connection lent to this thread, or else its own."""
        return self._lent.connection or self._own

    @_state.setter
    def _state(self, own: Any) -> None:
        self._own, self._lent = own, _Lent()

    def lend(self, connection: Any) -> None:
        """Use `connection` in this thread until None is lent. No other thread may use it at the
        same time.
        """
        self._lent.connection = connection

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Open this thread's connection; returns whether it was opened now."""
        with one_kind:
            opened: bool = super().connect(reuse_if_open)
        return opened

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement and return its cursor."""
        self._log_query(sql, params)  # type: ignore[attr-defined]
        with one_kind:  # as peewee does, but with a single error wrapper and without its hooks
            cursor = self.cursor()
            self._run(cursor, sql, params or ())
            return cursor

    def _run(self, cursor: Any, sql: str, params: Any) -> None:
        cursor.execute(sql, params)

    def begin(self, *how: Any) -> None:
        """Begin a transaction."""
        with one_kind:
            super().begin(*how)

    def commit(self) -> None:
        """Commit the transaction."""
        with one_kind:
            super().commit()

    def rollback(self) -> None:
        """Roll back. If that fails, drop the connection, which rolls back as well, so that the
        original error is raised and not that of the rollback.
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
        """Commits inside need not wait for the disk. No effect unless a subclass overrides it."""
        yield
