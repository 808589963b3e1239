"""Connections to PostgreSQL: pooled, patient for so long, made anew when the server restarts."""

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

# A statement that ran for longer than allowed: it is not repeated, for it would take as long again.
CANCELLED = "57014"
# A server that vanished without closing its connections is noticed within half a minute.
NOTICE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

# What PostgreSQL 14 and later report by themselves, also of a connection that is open: where one of
# them is on, it takes no writes.
_READ_ONLY = "in_hot_standby", "default_transaction_read_only"

# What we ask for is a few rows each: processes that help to read them take longer to be started.
_ALONE = "SET max_parallel_workers_per_gather = 0"


class _Patient(PostgresqlDatabase):
    """PostgreSQL whose server cancels a statement after `patience` seconds, including the time it
    waits for locks; None: never.
    """

    patience: float | None = None

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        connection.cursor().execute(_ALONE)
        patience = int((self.patience or 0) * 1000)  # 0: whatever the server is told
        connection.cursor().execute(f"SET statement_timeout = {patience}")
        return connection


class Postgres(AnyDatabase, PooledPostgresqlDatabase, _Patient):  # type: ignore[misc]
    """PostgreSQL through psycopg 3 and a pool, which reconnects when the server restarts.

    A result is in memory once its statement is executed: fetching it asks no server.
    """

    def __init__(self, *how: Any, **options: Any) -> None:
        self._door = threading.Lock()
        self._failed_at, self._why = -math.inf, ""
        super().__init__(*how, **options)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Open this thread's connection; whether it was opened now.

        One thread at a time can. Whoever has waited while another one could not is told the same:
        of a server that does not answer, each would have to wait for all who came before.
        """
        came = time.monotonic()
        with self._door:
            if self._failed_at > came:
                raise OperationalError(self._why)
            try:
                return super().connect(reuse_if_open)
            except OperationalError as error:
                self._failed_at, self._why = time.monotonic(), str(error)
                raise

    def begin(self, *how: Any) -> None:
        """Begin a transaction, on a new connection where this one is dead."""
        with self._dropped_if_cut_short():
            try:
                super().begin(*how)
            except (OperationalError, InterfaceError):
                # A dead connection shows at BEGIN. Nothing has happened yet, so it is safe to
                # repeat; not where there is no connection to be had.
                if self.is_closed():
                    raise
                self._connect_anew()
                super().begin(*how)

    def commit(self) -> None:
        """Commit the transaction."""
        with self._dropped_if_cut_short():
            super().commit()

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement; one that only reads, once more where the connection is lost."""
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
            # Only a SELECT outside a transaction may be repeated: whatever a lost connection had
            # begun, it changed nothing.
            self._connect_anew()
            return super().execute_sql(sql, params)

    def _run(self, cursor: Any, sql: str, params: Any) -> None:
        """Run a statement, which psycopg prepares once it has come five times; but never a page of
        a list. PostgreSQL plans what is prepared for any values: a page of what is rare would be
        looked for among all rows in the order of their ids.
        """
        with self._dropped_if_cut_short():
            cursor.execute(sql, params, prepare=False if sql.endswith("LIMIT %s") else None)

    @contextmanager
    def _dropped_if_cut_short(self) -> Iterator[None]:
        """Drop the connection when a job's time is over while the server works for it: it takes
        nothing else until the server is done. Inside a transaction, the rollback does that.
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
        """Not a connection to a standby: after a failover, the same name may lead elsewhere."""
        told = map(connection.info.parameter_status, _READ_ONLY)
        return "on" not in told and super()._can_reuse(connection)

    def drop_connection(self) -> None:
        """Close this thread's connection, and leave it out of the pool."""
        self.manual_close()

    def _connect_anew(self) -> None:
        self.close_idle()
        self.manual_close()
        self.connect(reuse_if_open=True)
