"""PostgreSQL connections that outlive their test, for the next test on the same database.

A new connection has no catalogue cache and no plans, and building them costs the server more than
most tests do. Within a test, closing a connection closes it. A kept connection was idle and is
reset, and `servers.Postgres` spares it when it empties the database.
"""

import contextlib
import threading
import weakref
from typing import Any

import peewee
import psycopg
from psycopg.pq import TransactionStatus

from models.connections import open_database
from models.connections.postgres import Postgres

AS_NEW = "RESET ALL; SELECT pg_advisory_unlock_all()"

_kept: dict[str, list[psycopg.Connection[Any]]] = {}
_lock = threading.Lock()
_pools: "weakref.WeakSet[WarmPostgres]" = weakref.WeakSet()


class _Warm(peewee.PostgresqlDatabase):
    """The class below the pool, which opens and closes its connections."""

    keeping = False

    def _connect(self) -> Any:
        return _taken(self.database) or super()._connect()

    def _close(self, conn: Any) -> None:
        if self.keeping and conn.info.transaction_status == TransactionStatus.IDLE:
            with _lock:
                _kept.setdefault(self.database, []).append(conn)
        else:
            super()._close(conn)


class WarmPostgres(Postgres, _Warm):  # type: ignore[misc]
    """A test's database."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _pools.add(self)


def _taken(url: str) -> psycopg.Connection[Any] | None:
    """Return a kept connection that is still alive, reset, or None."""
    while True:
        with _lock:
            if not _kept.get(url):
                return None
            connection = _kept[url].pop()
        try:
            connection.execute(AS_NEW, prepare=False)
        except psycopg.Error:
            connection.close()
        else:
            return connection


def keep(url: str) -> None:
    """Keep the idle connections of each of the test's pools, and that of this thread, when a test
    is over.
    """
    for pool in [*_pools]:
        if pool.database == url:
            pool.keeping = True
            with contextlib.suppress(peewee.OperationalError):  # a transaction is open
                pool.close()
            pool.close_idle()
            pool.keeping = False


def numbers(url: str) -> list[int]:
    """Return the backend pids of the kept connections."""
    return [each.info.backend_pid for each in _kept.get(url, ()) if not each.closed]


def forget(url: str) -> None:
    """Close the kept connections."""
    for connection in _kept.pop(url, ()):
        connection.close()


def keep_warm() -> None:
    """Use these databases in this process from now on."""
    open_database.Postgres = WarmPostgres  # type: ignore[misc]
