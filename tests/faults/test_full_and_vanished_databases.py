"""While the database cannot serve, the web answers 503, workers and relay keep running, and
everything accepted is done once it can (H6, H16).
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from delivery.relay import HEARTBEAT_KEY
from models import transactions
from tests import given
from tests.faults.town import all_children_of, children_of, oracle
from tests.running.processes import close_database
from tests.running.servers import wait_for
from tests.watching import sweep
from web.app import ROUTES

FULL = "The database's disk is full. Free some space on it."
GONE = "The database's file is not there."
LARGE = 60_000  # characters of an event that does not fit between existing rows


def paid_event(**extra):
    invoice = given.an_invoice()
    return given.an_event("payment_intent.succeeded", given.an_intent(invoice, **extra))


class Disk:
    """A small disk of the test's own."""

    def __init__(self, place: Path) -> None:
        self.place, self.ballast = place, place / "ballast"

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self.ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65_536, 4_096, 512):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(os.urandom(size))
        assert os.statvfs(self.place).f_bavail == 0

    def make_room(self) -> None:
        self.ballast.unlink()

    def remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", self.place], check=True)


@pytest.fixture
def disk(tmp_path_factory):
    """A file system of 24 MB in memory; skips if this user cannot mount one."""
    place = Path(tempfile.mkdtemp(prefix="small"))  # PostgreSQL's own user must reach it
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        place.rmdir()
        pytest.skip("this user may not mount a small disk to be filled")
    place.chmod(0o755)
    yield Disk(place)
    sweep.keep(place, tmp_path_factory.getbasetemp())
    subprocess.run(["umount", "--lazy", place], check=True)
    place.rmdir()


@pytest.fixture
def on_disk(disk, database_url, request, monkeypatch):
    """The small disk, with the database on it."""
    close_database()
    if transactions.is_postgres():
        postgres = request.getfixturevalue("postgres")
        shutil.chown(disk.place, postgres.server.pgdata.owner(), postgres.server.pgdata.group())
        postgres.let_go(database_url)
        postgres.run(f"CREATE TABLESPACE small LOCATION '{disk.place}'")
        name = database_url.split("?", maxsplit=1)[0].rsplit("/", 1)[1]
        postgres.run(f"ALTER DATABASE {name} SET TABLESPACE small")
        yield disk
        postgres.drop_database(database_url)
        postgres.run("DROP TABLESPACE small")
        return
    shutil.copy(database_url.removeprefix("sqlite:///"), disk.place / "payphone.db")
    url = f"sqlite:///{disk.place / 'payphone.db'}"
    monkeypatch.setenv("DATABASE_URL", url)
    transactions.use_database(url)
    yield disk
    close_database()


def test_a_full_disk_loses_no_accepted_event(on_disk, town, told):
    """Given a disk that fills up under web, workers and relay, then intake answers 503 and the
    processes log why; once there is room, the same processes do everything that was accepted, once.
    """
    web = town.web()
    for event in (paid_event(), paid_event()):
        assert town.post(event) == 200
    late = [paid_event(description=os.urandom(LARGE // 2).hex()) for _ in range(3)]
    invoices = [paid_event() for _ in range(3)]
    if not transactions.is_postgres():  # else the write-ahead log's own pages would be reused
        transactions.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    close_database()
    on_disk.fill()
    wait_for(lambda: 503 in [town.post(event) for event in late], "intake says 503")
    pool = town.pool()
    wait_for(lambda: len(town.listed_workers()) == 2, "the workers are there")
    children = all_children_of(pool.pid, 3)
    if transactions.is_postgres():  # small rows still fit in its pages
        wait_for(lambda: town.post(late[-1]) == 503, "still full")
    else:
        wait_for(lambda: told().count(FULL) >= 2, "web and relay say why")
        assert not town.valkey.client().exists(HEARTBEAT_KEY), (
            "no look of the relay came to its end"
        )
    assert town.get("/healthz")[0] == 200
    on_disk.make_room()
    for event in late + invoices:
        town.post_until_accepted(event)
    oracle(town)
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)
    assert "Traceback" not in told()


@pytest.fixture
def sqlite_file(request, database_url):
    """The database's file; skips on PostgreSQL."""
    if transactions.is_postgres():
        pytest.skip("is about SQLite's file")
    return Path(database_url.removeprefix("sqlite:///"))


def test_a_database_file_that_vanishes_for_a_while_loses_no_accepted_event(
    sqlite_file, town, told, tmp_path
):
    """Given a database whose files are moved away under running processes, with a folder in their
    place, then nothing is accepted; once they are back, everything is done.
    """
    web, pool = town.web(), town.pool()
    town.post_until_accepted(paid_event())
    events = [paid_event() for _ in range(3)]
    wait_for(lambda: len(town.listed_workers()) == 2, "the workers are there")
    children = all_children_of(pool.pid, 3)
    close_database()
    away = tmp_path / "away"
    away.mkdir()
    sqlite_file.rename(away / sqlite_file.name)
    for beside in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):  # the last to close may have deleted it
            path = Path(f"{sqlite_file}{beside}")
            path.rename(away / path.name)
    wait_for(lambda: town.post(events[0]) == 503, "intake says 503")
    sqlite_file.mkdir()
    assert town.post(events[1]) == 503
    status, answer = town.get("/readyz")
    assert (status, GONE in answer["reasons"][0]) == (503, True)
    wait_for(lambda: told().count(GONE) >= 2, "web and relay say why")
    sqlite_file.rmdir()
    for path in sorted(away.iterdir(), reverse=True):
        path.rename(sqlite_file.parent / path.name)
    for event in events:
        town.post_until_accepted(event)
    oracle(town)
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)


def test_processes_started_on_a_read_only_disk_wait_until_it_is_writable(on_disk, town, told):
    """Given processes that start on a read-only disk, then they wait until it is writable."""
    if transactions.is_postgres():
        pytest.skip("is about SQLite's file")
    events = [paid_event(), paid_event()]
    town.stage(events[0])
    close_database()
    on_disk.remount("ro")
    web, pool = town.web(), town.pool()
    wait_for(lambda: town.post(events[1]) == 503, "intake says 503")
    wait_for(lambda: "OperationalError" in told(), "somebody says why")
    children = all_children_of(pool.pid, 3)
    on_disk.remount("rw")
    town.post_until_accepted(events[1])
    oracle(town)
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)


@pytest.mark.parametrize("when", ["before the start", "after the start"])
def test_the_web_answers_and_counts_requests_on_a_full_disk(disk, town, when):
    """Given a full disk for temporary files, where request counters are mapped, then the web
    answers and counts; writing to an unallocated page would kill it.
    """
    (disk.place / "tmp").mkdir()
    if when == "before the start":
        disk.fill()
    web = town.web(TMPDIR=str(disk.place / "tmp"))
    workers = all_children_of(web.pid, 1)
    if when == "after the start":
        disk.fill()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{town.port}", trust_env=False, timeout=60
    ) as browser:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
            for path in ROUTES:
                browser.request(method, path.replace("{", "").replace("}", ""))
    assert (web.poll(), children_of(web.pid)) == (None, workers)
