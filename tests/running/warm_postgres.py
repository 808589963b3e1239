"""Connections to PostgreSQL that outlive the test that opened them, for the next one on the same
database: a new one knows no table and has no plan, and learning them costs the server more than
most tests ask of it.

Within a test what is closed is closed. What is kept was idle, is as new but for what it has
learned, and is known to who empties the database (`servers.Postgres`).
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
    """Beneath the pool: opens and closes its connections."""

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
    """The database of a test."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _pools.add(self)


def _taken(url: str) -> psycopg.Connection[Any] | None:
    """One that was kept and still lives."""
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
    """When a test is over: what this thread or none has in use, of each of the test's pools."""
    for pool in [*_pools]:
        if pool.database == url:
            pool.keeping = True
            with contextlib.suppress(peewee.OperationalError):  # it is in a transaction
                pool.close()
            pool.close_idle()
            pool.keeping = False


def numbers(url: str) -> list[int]:
    """The processes of the server behind what is kept."""
    return [each.info.backend_pid for each in _kept.get(url, ()) if not each.closed]


def forget(url: str) -> None:
    """Close what is kept."""
    for connection in _kept.pop(url, ()):
        connection.close()


def keep_warm() -> None:
    """From here on, in this process."""
    open_database.Postgres = WarmPostgres  # type: ignore[misc]
