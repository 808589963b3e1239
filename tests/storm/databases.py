"""The databases a storm runs on: read with plain SQL, disturbed in the ways each kind allows."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from runtime.private_files import files_under
from tests.running.servers import Postgres

Row = dict[str, Any]
Fault = Callable[[float], None]


class Sqlite:
    """An SQLite file in the storm's folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "payphone.db"
        self.url = f"sqlite:///{self.path}"
        self.faults: dict[str, Fault] = {"database locked by another writer": self.lock}

    def rows(self, sql: str) -> list[Row]:
        """Return the rows of a query."""
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()

    def write(self, sql: str) -> None:
        """Execute one statement and commit it."""
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            with connection:
                connection.execute(sql)
        finally:
            connection.close()

    def lock(self, seconds: float) -> None:
        """Hold SQLite's only write lock for `seconds`."""
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def files(self) -> list[Path]:
        """Return the files that hold the rows."""
        return list(self.path.parent.glob("payphone.db*"))

    def stop(self, kept: Path | None) -> None:
        """Do nothing: the file is kept or deleted with the storm's folder."""


class PostgresServer:
    """A PostgreSQL server of its own, which can be killed and restarted."""

    kind = "postgres"

    def __init__(self, _folder: Path) -> None:
        self.server = Postgres()
        self.url = self.server.create_database()
        self.faults: dict[str, Fault] = {
            "database locked by another writer": self.lock,
            "database connections cut": self.cut,
            "database server killed": self.kill,
        }

    def rows(self, sql: str) -> list[Row]:
        """Return the rows of a query."""
        with psycopg.connect(
            self.url, autocommit=True, row_factory=dict_row, connect_timeout=5
        ) as connection:
            return connection.execute(sql.encode()).fetchall()

    def write(self, sql: str) -> None:
        """Execute one statement and commit it."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql.encode())

    def lock(self, seconds: float) -> None:
        """Block all other writers of jobs, invoices and events for `seconds`."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET lock_timeout = '20s'")
            connection.execute("LOCK TABLE staged_job, invoice, inbox_event IN EXCLUSIVE MODE")
            time.sleep(seconds)
            connection.rollback()

    def cut(self, _seconds: float) -> None:
        """Terminate every connection."""
        self.server.terminate_backends()

    def kill(self, seconds: float) -> None:
        """Kill the server with SIGKILL and restart it after at most 4 seconds."""
        self.server.kill()
        time.sleep(min(seconds, 4.0))
        self.server.revive()

    def files(self) -> list[Path]:
        """Return the files that hold the rows."""
        return [path for path in files_under(self.server.directory) if path.is_file()]

    def stop(self, kept: Path | None) -> None:
        """Stop the server; copy its data to `kept` if given, then delete it."""
        self.server.server.cleanup()
        if kept is not None:
            shutil.copytree(self.server.server.pgdata, kept / "postgres", dirs_exist_ok=True)
        shutil.rmtree(self.server.directory, ignore_errors=True)


Database = Sqlite | PostgresServer
KINDS: dict[str, type[Sqlite] | type[PostgresServer]] = {
    "sqlite": Sqlite,
    "postgres": PostgresServer,
}
