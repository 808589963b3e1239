"""Connections to PostgreSQL: pooled, with a statement timeout, renewed after a restart."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peewee import InterfaceError, OperationalError, PostgresqlDatabase
from playhouse.pool import PooledPostgresqlDatabase

from models.connections.any_database import AnyDatabase
from models.database_errors import lacks_tables, state_of

# A statement that exceeded its timeout: it is not repeated, because it would take as long again.
CANCELLED = "57014"
# Detect within half a minute that a server vanished without closing its connections.
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

# Parameters that PostgreSQL 14 and later report unasked, even on an open connection. If either is
# on, the server accepts no writes.
_READ_ONLY = "in_hot_standby", "default_transaction_read_only"

# What a connection needs, however the server or the database is configured. Our statements read a
# few rows each: starting parallel workers would take longer than reading them. Who has waited for a
# lock must see what its last holder has committed. A COMMIT is answered once it is on the disk, or
# on more disks if the setting says so.
_NEEDED = """
SELECT set_config('max_parallel_workers_per_gather', '0', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, false)
"""


class _Patient(PostgresqlDatabase):
    """PostgreSQL whose server cancels a statement after `patience` seconds, including waits for
    locks, and rolls back a transaction in which nothing has happened for twice as long: its process
    is frozen, or its machine has vanished, and others wait for its locks (None: never).
    """

    patience: float | None = None

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        connection.cursor().execute(_NEEDED)
        patience = int((self.patience or 0) * 1000)  # 0: no timeout
        connection.cursor().execute(f"SET statement_timeout = {patience}")
        connection.cursor().execute(f"SET idle_in_transaction_session_timeout = {2 * patience}")
        return connection


class Postgres(AnyDatabase, PooledPostgresqlDatabase, _Patient):  # type: ignore[misc]
    """PostgreSQL through psycopg 3 and a pool that reconnects when the server restarts.

    A result is in memory once its statement is executed: fetching it does not contact the server.
    """

    def __init__(self, *how: Any, **options: Any) -> None:
        self._connecting = threading.Lock()
        self._failed_at, self._last_error = -math.inf, ""
        super().__init__(*how, **options)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Open this thread's connection; returns whether it was opened now.

        Only one thread connects at a time. Threads that were waiting when it failed raise the same
        error: with a server that does not answer, each would otherwise wait for its own timeout
        after all the others'.
        """
        arrived_at = time.monotonic()
        with self._connecting:
            if self._failed_at > arrived_at:
                raise OperationalError(self._last_error)
            try:
                return super().connect(reuse_if_open)
            except OperationalError as error:
                self._failed_at, self._last_error = time.monotonic(), str(error)
                raise

    def begin(self, *how: Any) -> None:
        """Begin a transaction, on a new connection if this one is dead."""
        with self._dropped_if_interrupted():
            try:
                super().begin(*how)
            except (OperationalError, InterfaceError):
                # A dead connection shows at BEGIN. Nothing has happened yet, so it is safe to
                # repeat, unless no connection could be opened at all.
                if self.is_closed():
                    raise
                self._connect_anew()
                super().begin(*how)

    def commit(self) -> None:
        """Commit the transaction."""
        with self._dropped_if_interrupted():
            super().commit()

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement; retry a read outside a transaction if the connection is lost."""
        try:
            return super().execute_sql(sql, params)
        except (OperationalError, InterfaceError) as error:
            if (
                self.is_closed()
                or state_of(error) == CANCELLED
                or lacks_tables(error)
                or self.in_transaction()
                or not sql.lstrip()[:6].upper() == "SELECT"
            ):
                raise
            # Only a SELECT outside a transaction can be repeated: whatever the lost connection did
            # of it, nothing was changed.
            self._connect_anew()
            return super().execute_sql(sql, params)

    def _run(self, cursor: Any, sql: str, params: Any) -> None:
        """Run a statement, which psycopg prepares once it has run five times, except for a page of
        a list.

        PostgreSQL plans a prepared statement for any values: a page of rare rows would be searched
        for among all rows in the order of their ids.
        """
        with self._dropped_if_interrupted():
            cursor.execute(sql, params, prepare=False if sql.endswith("LIMIT %s") else None)

    @contextmanager
    def _dropped_if_interrupted(self) -> Iterator[None]:
        """Drop the connection if a job's timeout interrupts a statement, because the server accepts
        nothing else on it until it is done. Inside a transaction, the rollback drops it.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException:
            if not self.in_transaction():
                self.drop_connection()
            raise

    def _can_reuse(self, connection: Any) -> bool:
        """Refuse a connection to a standby: after a failover, the name may lead elsewhere."""
        statuses = map(connection.info.parameter_status, _READ_ONLY)
        return "on" not in statuses and super()._can_reuse(connection)

    def drop_connection(self) -> None:
        """Close this thread's connection instead of returning it to the pool."""
        self.manual_close()

    def _connect_anew(self) -> None:
        self.close_idle()
        self.manual_close()
        self.connect(reuse_if_open=True)
