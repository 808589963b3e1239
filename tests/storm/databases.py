"""The databases a storm runs on: read by plain SQL, and brought into trouble the way each kind
knows.
"""

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
    """A file in the storm's folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "payphone.db"
        self.url = f"sqlite:///{self.path}"
        self.faults: dict[str, Fault] = {"database locked by another writer": self.lock}

    def rows(self, sql: str) -> list[Row]:
        """What a query answers."""
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()

    def write(self, sql: str) -> None:
        """One statement, committed."""
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            with connection:
                connection.execute(sql)
        finally:
            connection.close()

    def lock(self, seconds: float) -> None:
        """Hold the one write lock there is."""
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def files(self) -> list[Path]:
        """Where its rows lie on disk."""
        return list(self.path.parent.glob("payphone.db*"))

    def stop(self, kept: Path | None) -> None:
        """The file lies in the storm's folder; it is kept with it."""


class PostgresServer:
    """A server of its own, which can be killed and revived."""

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
        """What a query answers."""
        with psycopg.connect(
            self.url, autocommit=True, row_factory=dict_row, connect_timeout=5
        ) as connection:
            return connection.execute(sql.encode()).fetchall()

    def write(self, sql: str) -> None:
        """One statement, committed."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql.encode())

    def lock(self, seconds: float) -> None:
        """Keep everybody else from writing jobs, invoices and events."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET lock_timeout = '20s'")
            connection.execute("LOCK TABLE staged_job, invoice, inbox_event IN EXCLUSIVE MODE")
            time.sleep(seconds)
            connection.rollback()

    def cut(self, _seconds: float) -> None:
        """End every connection."""
        self.server.terminate_backends()

    def kill(self, seconds: float) -> None:
        """SIGKILL, and back after a while."""
        self.server.kill()
        time.sleep(min(seconds, 4.0))
        self.server.revive()

    def files(self) -> list[Path]:
        """Where its rows lie on disk."""
        return [path for path in files_under(self.server.directory) if path.is_file()]

    def stop(self, kept: Path | None) -> None:
        """Stop the server; its data goes to `kept`, if that is given, else away."""
        self.server.server.cleanup()
        if kept is not None:
            shutil.copytree(self.server.server.pgdata, kept / "postgres", dirs_exist_ok=True)
        shutil.rmtree(self.server.directory, ignore_errors=True)


Database = Sqlite | PostgresServer
KINDS: dict[str, type[Sqlite] | type[PostgresServer]] = {
    "sqlite": Sqlite,
    "postgres": PostgresServer,
}
