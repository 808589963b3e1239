"""Bringing the database to this release's schema, with playhouse.migrations."""

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
from models.sqlite_statistics import tell_sqlite
from models.transactions import database, is_postgres
from runtime.log import get_log

DIRECTORY = Path(__file__).parent / "migrations"
PATIENCE = 5_000  # milliseconds
LOCK_SECONDS = 2  # for which a statement waits for a lock on PostgreSQL, and all others behind it
TRIES = 60
BETWEEN_TRIES = 0.5  # seconds
LOCK = 7263548  # any number, the same in every process

log = get_log("migrate")


def _runner() -> Runner:
    return Runner(database.obj, directory=str(DIRECTORY))


def migrate() -> list[str]:
    """Apply what is pending, one process at a time; the names of what was applied. Makes the file
    of an SQLite database.
    """
    return list(migrate_each())


def migrate_each() -> Iterator[str]:
    """As `migrate`, and tell each name once it is applied: where a later one fails, those stay."""
    if not is_postgres():
        database.create_file()
    with _folder_locked(), database.connection_context(), _server_locked(), _patient():
        for name in pending():
            _apply(name)
            yield name
        if not is_postgres():
            tell_sqlite()


def _apply(name: str) -> None:
    """Apply one; again where a lock was not to be had. Each can be, also where it was cut short."""
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
    """Let SQLite itself wait for others who write: a migration's transaction reads first, and a
    statement within a transaction is not repeated by us.

    Let PostgreSQL wait briefly: while a statement waits for the lock of a table that a long
    transaction has used, whoever comes later waits behind it. Nobody waits behind what is done
    CONCURRENTLY, which waits for every transaction there is.
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
    """Keep other processes from migrating this PostgreSQL database, by an advisory lock."""
    if not is_postgres():
        yield
        return
    # A statement that waits would hold a snapshot, which an index that is built concurrently waits
    # for: so ask again and again.
    while not database.execute_sql("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()[0]:
        time.sleep(0.2)
    try:
        yield
    finally:
        database.execute_sql("SELECT pg_advisory_unlock(%s)", (LOCK,))


@contextmanager
def _folder_locked() -> Iterator[None]:
    """Keep other processes from migrating this SQLite file or switching it to WAL, by a lock on its
    folder.
    """
    if is_postgres():
        yield
        return
    folder = os.open(database.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)  # which unlocks it


def pending() -> list[str]:
    """The migrations this database has not had yet."""
    return [migration.name for migration in _runner().status() if migration.applied is None]


def newer() -> list[str]:
    """The migrations this database has had and this release does not know: a newer release has been
    here.
    """
    return [migration.name for migration in _runner().status() if migration.path is None]
