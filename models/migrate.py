"""Bringing the database to this release's schema, with playhouse.migrations."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from models.sqlite_statistics import tell_sqlite
from models.transactions import database, is_postgres

DIRECTORY = Path(__file__).parent / "migrations"
PATIENCE = 5_000  # milliseconds
LOCK = 7263548  # any number, the same in every process


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
            _runner().up(name)
            yield name
        if not is_postgres():
            tell_sqlite()


@contextmanager
def _patient() -> Iterator[None]:
    """Let SQLite itself wait for others who write: a migration's transaction reads first, and a
    statement within a transaction is not repeated by us.
    """
    if is_postgres():
        yield
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
