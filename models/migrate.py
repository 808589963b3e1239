"""Migrate the database to this release's schema, with playhouse.migrations."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peewee import OperationalError
from playhouse.migrations import Runner

from models.database_errors import LOCK_REFUSED, explain, state_of
from models.sqlite_statistics import write_statistics
from models.transactions import database, is_postgres
from runtime.log import get_log

DIRECTORY = Path(__file__).parent / "migrations"
PATIENCE = 5_000  # milliseconds for which SQLite waits for other writers
LOCK_SECONDS = 2  # lock_timeout on PostgreSQL; all others queue behind a waiting statement
TRIES = 60
BETWEEN_TRIES = 0.5  # seconds
LOCK = 7263548  # arbitrary, but the same in every process

log = get_log("migrate")


def _runner() -> Runner:
    return Runner(database.obj, directory=str(DIRECTORY))


def migrate() -> list[str]:
    """Apply pending migrations, one process at a time, and return their names.

    Creates the file of an SQLite database.
    """
    return list(migrate_each())


def migrate_each() -> Iterator[str]:
    """As `migrate`, but yield each name once applied. If one fails, the earlier ones stay."""
    if not is_postgres():
        database.create_file()
    with _folder_locked(), database.connection_context(), _server_locked(), _patient():
        for name in pending():
            _apply(name)
            yield name
        if not is_postgres():
            write_statistics()


def _apply(name: str) -> None:
    """Apply a migration, and retry it if it could not get a lock.

    Every migration can be repeated, even after it was interrupted.
    """
    for left in reversed(range(TRIES)):
        try:
            _runner().up(name)
        except OperationalError as error:
            if not left or state_of(error) != LOCK_REFUSED:
                raise
            if left == TRIES - 1:
                log.warning(explain(error), migration=name, tries=TRIES)
            time.sleep(BETWEEN_TRIES)
        else:
            return


@contextmanager
def _patient() -> Iterator[None]:
    """Let SQLite itself wait for other writers: a migration's transaction reads first, and we do
    not repeat a statement within a transaction.

    Let PostgreSQL wait only briefly: while a statement waits for the lock of a table that a long
    transaction uses, every later statement queues behind it. CONCURRENTLY is exempt: nothing queues
    behind it, and it must wait for all running transactions.
    """
    if is_postgres():
        plain = database.obj.execute_sql

        def briefly(sql: str, params: Any = None) -> Any:
            seconds = 0 if "CONCURRENTLY" in sql else LOCK_SECONDS
            plain(f"SET lock_timeout = '{seconds}s'")
            return plain(sql, params)

        database.obj.execute_sql = briefly
        try:
            yield
        finally:
            del database.obj.execute_sql
            database.execute_sql("RESET lock_timeout")
        return
    database.execute_sql(f"PRAGMA busy_timeout = {PATIENCE}")
    try:
        yield
    finally:
        database.execute_sql("PRAGMA busy_timeout = 0")


@contextmanager
def _server_locked() -> Iterator[None]:
    """Keep other processes from migrating this PostgreSQL database, with an advisory lock."""
    if not is_postgres():
        yield
        return
    # Poll, because a waiting statement would hold a snapshot, for which an index that is built
    # concurrently would have to wait.
    while not database.execute_sql("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()[0]:
        time.sleep(0.2)
    try:
        yield
    finally:
        database.execute_sql("SELECT pg_advisory_unlock(%s)", (LOCK,))


@contextmanager
def _folder_locked() -> Iterator[None]:
    """Keep others from migrating this SQLite file or switching it to WAL: lock its folder."""
    if is_postgres():
        yield
        return
    folder = os.open(database.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)  # this releases the lock


def pending() -> list[str]:
    """The migrations not yet applied to this database."""
    return [migration.name for migration in _runner().status() if migration.applied is None]


def newer() -> list[str]:
    """Migrations applied to this database that only a newer release knows."""
    return [migration.name for migration in _runner().status() if migration.path is None]
