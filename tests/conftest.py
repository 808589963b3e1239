"""The fixtures of all tests: a real Valkey, a database of each kind, the application, stand-ins.

`--db sqlite` or `--db postgres` uses one database only; the default is both. Everything binds to
loopback, and only processes started here are ended.
"""

import contextlib
import gc
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

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
import httpx
import hypothesis
import pytest
from argon2 import PasswordHasher
from redis import Redis

import jobs  # noqa: F401
from actions.payments import charge
from delivery import locks, nudge
from models import transactions
from models.accounts import operator
from models.connections.sqlite import Sqlite
from models.migrate import migrate
from providers import outgoing_webhooks
from providers.stripe import client as stripe_api
from providers.twilio import client as twilio_api
from providers.vapi import client as vapi_api
from runtime.clock import move_business_time
from runtime.redis.connection import connect_redis
from runtime.settings import get_settings
from sandbox.vapi.provider import Vapi
from tests import sharing
from tests.clinic import Clinic
from tests.faults.town import Town
from tests.further_cases import FurtherCases, any_case, databases, on_postgres
from tests.read_once import read_once
from tests.routers import copy_routers
from tests.running import warm_postgres
from tests.running.fork_server import stop_fork_server
from tests.running.leftovers import Leftovers
from tests.running.processes import Process, close_database, reset_process, spawn
from tests.running.servers import Postgres, Valkey
from tests.running.without_disk import wait_for_no_disk
from tests.stand_ins.hook_receiver import HookReceiver
from tests.stand_ins.odd_stripe import OddStripe
from tests.stand_ins.stand_in import StandIn
from tests.stand_ins.stripe_stand_in import StripeStandIn
from tests.stand_ins.twilio_stand_in import TwilioStandIn
from tests.stand_ins.vapi_stand_in import VapiStandIn
from tests.stories.calling import Calling
from tests.stories.texting import TWILIO, Texting
from tests.stories.voice import VAPI
from tests.watching import sweep
from tests.watching.declared import DeclaredClient
from tests.watching.lock_order import LockOrder
from tests.watching.logged import Logged
from tests.watching.sweep import Sweep
from web.app import create_app
from web.http.guards import rate_limiter
from web.operators import gauges, health, rq_flask

# a slow example on a busy machine says nothing about a rule
NO_DEADLINE = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
# CI draws the same examples each time; other runs explore
hypothesis.settings.register_profile("explore", **NO_DEADLINE)
hypothesis.settings.register_profile("ci", derandomize=True, **NO_DEADLINE)
hypothesis.settings.register_profile("quick", max_examples=20, **NO_DEADLINE)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "explore"))

# a test that uses one of these starts or kills processes
SLOW_FIXTURES = {"processes", "own_valkey", "postgres", "chromium"}
LOOPBACK = {"127.0.0.1", "::1", "localhost", ""}
# seconds to wait for a provider: if a busy machine delays it (less than a job's time limit), and
# if it hangs
UNHURRIED, HURRIED = "15", "1"
# seconds to wait for a test server that is running, but that a busy machine delays
PATIENT = 120.0
# modules that give up on a slow Redis quickly, and leave its work to processes that are not
# running in a test
HURRY_REDIS = (nudge, locks, rate_limiter, health, gauges, rq_flask)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--db",
        choices=["sqlite", "postgres", "both"],
        default="both",
        help="which database the tests run on",
    )
    parser.addoption("--few", action="store_true", help="one case of each test function")
    parser.addoption(
        "--lock-order",
        action="store_true",
        help="fail if transactions on PostgreSQL take locks in orders that may meet",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Python's default thresholds would spend a tenth of the time on garbage collection
    gc.set_threshold(20_000, 20, 20)
    if config.getoption("--lock-order"):
        config.pluginmanager.register(LockOrder(), "lock-order")
    if config.getoption("--few"):
        config.pluginmanager.register(FurtherCases(any_case), "few-cases")
    if config.getoption("--db") == "both":
        config.pluginmanager.register(FurtherCases(on_postgres), "one-database")
    config.pluginmanager.register(Sweep(), "sweep")
    # only in the process that started the suite, not in its workers
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Leftovers(), "leftovers")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return sharing.here(is_quick=config.getoption("--few"))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # never look again at what is loaded by now


def pytest_sessionfinish() -> None:
    stop_fork_server()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    if hasattr(config, "workerinput"):
        items[:] = sharing.mixed(items)
        if config.getoption("loadgroup"):
            sharing.name_groups(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that starts a process, unless it is marked slow: `bin/test quick`
    would run it.
    """
    if item.get_closest_marker("slow"):
        return (yield)
    real = subprocess.Popen.__init__

    def refused(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError(
            "A test that starts a process takes the fixture `processes` or is marked `slow`."
        )

    subprocess.Popen.__init__ = refused  # type: ignore[method-assign]
    try:
        return (yield)
    finally:
        subprocess.Popen.__init__ = real  # type: ignore[method-assign]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        matters = metafunc.definition.get_closest_marker("any_database") is None
        kinds = databases(metafunc.config.getoption("--db"), matters)
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail a test that connects beyond this machine."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in LOOPBACK:
            raise AssertionError(f"A test tried to reach {address[0]}.")
        real(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _built_once() -> None:
    """Build once in this process what each test would otherwise build."""
    read_once()
    copy_routers()
    warm_postgres.keep_warm()


@pytest.fixture(scope="session", autouse=True)
def waiting_sqlite() -> type[Sqlite]:
    """Return SQLite as in production, which waits for disks. Tests and the processes that they fork
    do not wait for them; processes started from scratch do.
    """
    real = Sqlite
    wait_for_no_disk()
    return real


@pytest.fixture(scope="session", autouse=True)
def real_passwords() -> Iterator[tuple[PasswordHasher, str]]:
    """Return the real password hasher, slow on purpose, and the hash used for unknown users. Tests
    use a fast hasher.
    """
    real = operator._hasher, operator._NOBODY
    operator._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    operator._NOBODY = operator._hasher.hash("nobody's")
    yield real
    operator._hasher, operator._NOBODY = real


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Reset business time and settings after each test.

    Set up first, this is torn down after `monkeypatch` has restored the environment.
    """
    yield
    move_business_time(None)
    get_settings.cache_clear()


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
    """The session's Valkey, emptied, in REDIS_URL."""
    _shared_valkey.empty()
    monkeypatch.setenv("REDIS_URL", _shared_valkey.url)
    for module in HURRY_REDIS:
        monkeypatch.setattr(module, "connect_redis", _patiently)
    reset_process()
    yield _shared_valkey
    reset_process()


def _patiently(url: str | None, timeout: float = PATIENT) -> Redis:
    """Connect with a long timeout, for a Valkey that no test freezes."""
    return connect_redis(url, max(timeout, PATIENT))


@pytest.fixture
def own_valkey(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Valkey]:
    """A Valkey of the test's own, which it can freeze or kill."""
    directory = Path(tempfile.mkdtemp(prefix="pp"))
    server = Valkey(directory).start()
    monkeypatch.setenv("REDIS_URL", server.url)
    reset_process()
    yield server
    server.stop(signal.SIGKILL)
    sweep.keep(directory, tmp_path_factory.getbasetemp())
    shutil.rmtree(directory, ignore_errors=True)
    reset_process()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()
    sweep.keep(server.directory, tmp_path_factory.getbasetemp())
    shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def _migrated_postgres(postgres: Postgres) -> str:
    """The name of a migrated database to copy, which is ten times as fast as migrating."""
    postgres.run("CREATE DATABASE migrated")
    transactions.use_database(postgres.url_of("migrated"))
    migrate()
    close_database()
    return "migrated"


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("migrated") / "payphone.db"
    transactions.use_database(f"sqlite:///{path}")
    migrate()
    transactions.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    close_database()
    return path


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A migrated, empty database of the parametrised kind, in DATABASE_URL."""
    server = template = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        template = request.getfixturevalue("_migrated_postgres")
        url = server.lend_database(template)
    else:
        migrated = request.getfixturevalue("_migrated_sqlite")
        url = f"sqlite:///{shutil.copy(migrated, tmp_path / 'payphone.db')}"
    monkeypatch.setenv("DATABASE_URL", url)
    reset_process()
    transactions.use_database(url)
    _be_patient(transactions.database.obj)
    yield url
    warm_postgres.keep(url)
    close_database()
    if server is not None:
        server.give_back(url, template)


def _be_patient(database: Any) -> None:
    """Wait long for locks and connections, because the thread, process or server that we wait for
    can be without CPU for longer than production allows.
    """
    if transactions.is_postgres():
        database.connect_params["connect_timeout"] = int(PATIENT)
    else:
        database.patience = PATIENT


@pytest.fixture
def client(database_url: str, valkey: Valkey) -> falcon.testing.TestClient:
    """The application in process, on a fresh database."""
    return DeclaredClient(create_app())


@pytest.fixture
def processes() -> Iterator[Callable[..., Process]]:
    """Starts real processes of ours, and kills those still running after the test."""
    started: list[Process] = []

    def start(*command: str, **env: str) -> Process:
        started.append(spawn(*command, **env))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session, including its children
        process.wait(120)


@pytest.fixture
def town(
    database_url: str,
    valkey: Valkey,
    processes: Callable[..., Process],
    tmp_path: Path,
) -> Town:
    """Real processes on the session's Valkey."""
    return Town(processes, valkey, tmp_path)


@pytest.fixture
def own_town(
    database_url: str,
    own_valkey: Valkey,
    processes: Callable[..., Process],
    tmp_path: Path,
) -> Town:
    """Real processes on a Valkey of the test's own, which it can freeze, fill or kill."""
    return Town(processes, own_valkey, tmp_path)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Stripe's stand-in over HTTP, in STRIPE_API_BASE.

    The provider timeout is short while a hang is ordered, and otherwise long enough for a busy
    machine.
    """
    world = StandIn()
    monkeypatch.setenv("STRIPE_API_BASE", world.url)
    monkeypatch.setenv("PAYPHONE_SETTLING", "0")

    def wait(seconds: str) -> None:
        monkeypatch.setenv("PAYPHONE_PROVIDER_TIMEOUT", seconds)
        get_settings.cache_clear()
        for api in (stripe_api, twilio_api, vapi_api):
            api.client.cache_clear()

    wait(UNHURRIED)
    world.sandbox.on_hang = partial(wait, HURRIED)
    world.be_patient = partial(wait, UNHURRIED)
    world.sandbox.told.on_last_hang = partial(wait, UNHURRIED)
    yield world
    world.sandbox.told.on_last_hang = None  # a last request might still be in progress
    world.stop()
    stripe_api.client.cache_clear()


@pytest.fixture
def odd_stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddStripe]:
    """A Stripe that returns what a test puts there, in STRIPE_API_BASE."""
    stripe = OddStripe()
    monkeypatch.setenv("STRIPE_API_BASE", stripe.url)
    monkeypatch.setenv("PAYPHONE_PROVIDER_TIMEOUT", UNHURRIED)
    get_settings.cache_clear()
    stripe_api.client.cache_clear()
    yield stripe
    stripe.stop()
    stripe_api.client.cache_clear()


@pytest.fixture
def twilio_stand_in(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwilioStandIn]:
    """Twilio's stand-in beside Stripe's, in TWILIO_API_BASE, for numbers and calls."""
    for name, value in {**TWILIO, "TWILIO_API_BASE": stand_in.url}.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    yield TwilioStandIn(stand_in)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()


@pytest.fixture
def texting(
    client: Any, valkey: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Texting]:
    """A clinic that texts, set up except for the customer's consent."""
    for name, value in {**TWILIO, "TWILIO_API_BASE": stand_in.url}.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    yield Texting(client, valkey.client(), stand_in)
    move_business_time(None)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()


@pytest.fixture
def voice(stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vapi]:
    """Vapi's stand-in over HTTP, in VAPI_API_BASE, with Twilio's behind it."""
    for name, value in {**TWILIO, **VAPI, "VAPI_API_BASE": stand_in.url}.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    vapi_api.client.cache_clear()
    yield stand_in.sandbox.vapi
    get_settings.cache_clear()
    vapi_api.client.cache_clear()


@pytest.fixture
def calling(
    client: Any, valkey: Any, voice: Vapi, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Calling]:
    """A live clinic, and a customer who has agreed to calls and texts."""
    monkeypatch.setenv("TWILIO_API_BASE", stand_in.url)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()
    yield Calling(client, valkey.client(), stand_in)
    move_business_time(None)
    get_settings.cache_clear()
    twilio_api.client.cache_clear()


@pytest.fixture
def vapi_stand_in(voice: Vapi, stand_in: StandIn) -> VapiStandIn:
    """Vapi's stand-in, as a test sees it from outside."""
    return VapiStandIn(stand_in)


@pytest.fixture
def stripe_stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeStandIn]:
    """A new stand-in for Stripe, in STRIPE_API_BASE."""
    stand_in = StripeStandIn()
    monkeypatch.setenv("STRIPE_API_BASE", stand_in.url)
    monkeypatch.setenv("PAYPHONE_PROVIDER_TIMEOUT", UNHURRIED)
    stripe_api.client.cache_clear()
    reset_process()
    yield stand_in
    stripe_api.client.cache_clear()
    stand_in.stop()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HookReceiver]:
    """A webhook receiver on this machine, which the settings allow.

    Deliveries from this process wait long for it, because a busy machine can delay it.
    """
    monkeypatch.setenv("WEBHOOKS_TO_LOOPBACK", "true")
    monkeypatch.setattr(outgoing_webhooks, "TOTAL", PATIENT)
    monkeypatch.setattr(outgoing_webhooks, "TIMEOUT", httpx.Timeout(PATIENT))
    box = HookReceiver()
    yield box
    box.stop()


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Logged:
    """What the application logs, as JSON."""
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    return Logged(capfd)


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Returns what this process and those it started have logged so far."""
    lines: list[str] = []

    def read() -> str:
        lines.append(capfd.readouterr().err)
        return "".join(lines)

    return read


@pytest.fixture
def clinic(
    client: falcon.testing.TestClient,
    stripe_stand_in: StripeStandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> Clinic:
    """A clinic with one invoice, paid at Stripe's stand-in."""
    monkeypatch.setenv("PAYPHONE_SETTLING", "0.001")
    # no worker runs that could close the invoice's link
    monkeypatch.setattr(charge, "LINK_PATIENCE", 0.0)
    reset_process()
    return Clinic(client, stripe_stand_in)
