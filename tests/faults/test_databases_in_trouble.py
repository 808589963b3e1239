"""A writer that locks SQLite, connections that PostgreSQL cuts, a server that is killed and
restarted (faults 18, 19).
"""

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import psycopg
import pytest

from models.books.inbox_event import InboxEvent
from models.database_errors import AWAY, CROWDED, STANDBY
from models.transactions import execute, release_connection
from tests import given
from tests.faults.town import all_children_of, children_of, oracle
from tests.running.processes import close_database
from tests.running.servers import wait_for

LOCKED = "Another program"  # holds the database
PATIENCE = 5.0  # seconds a request or a worker waits for it


def paid_events(count):
    return [
        given.an_event("payment_intent.succeeded", given.an_intent(given.an_invoice()))
        for _ in range(count)
    ]


@pytest.fixture
def only(request, database_url):
    """The database's URL; skips if the test is about the other kind."""
    if not database_url.startswith(request.param):
        pytest.skip(f"is about {request.param}")
    return database_url


@pytest.mark.parametrize("only", ["sqlite"], indirect=True)
def test_a_long_lock_on_sqlite_delays_or_refuses_events_but_loses_none(only, town, told):
    """Given a writer that holds the database for longer than requests wait, then events are
    answered 503 and not stored, or wait; once it lets go, the same processes do everything that was
    accepted. The log gives the reason in a sentence.
    """
    web = town.web()
    waiting, *refused = paid_events(3)
    town.stage(*paid_events(3))
    holder = sqlite3.connect(Path(only.removeprefix("sqlite:///")), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    pool = town.pool()
    wait_for(
        lambda: len(town.listed_workers()) == 2, "the workers are there, and their jobs in Redis"
    )
    children = all_children_of(pool.pid, 3)
    begun = time.monotonic()
    assert [town.post(event) for event in refused] == [503, 503]
    assert time.monotonic() - begun > 1.5 * PATIENCE, "each of them waited first"
    assert given.states() == {"waiting": 3}
    answers = []
    patient = threading.Thread(target=lambda: answers.append(town.post(waiting)))
    patient.start()
    holder.execute("ROLLBACK")
    patient.join()
    assert answers == [200]
    assert (
        InboxEvent.select()
        .where(InboxEvent.event_id.in_([event["id"] for event in refused]))
        .count()
        == 0
    )
    for event in refused:
        town.post_until_accepted(event)
    oracle(town)
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)
    assert LOCKED in told()
    assert "Traceback" not in told()


@pytest.mark.parametrize("only", ["postgresql"], indirect=True)
def test_cut_postgres_connections_lose_no_accepted_event(only, postgres, town, told):
    """Given connections that are cut during work, then every accepted event is processed, and
    intake goes on.
    """
    town.web()
    pool = town.pool()
    events = paid_events(30)
    for index, event in enumerate(events):
        if index % 6 == 0:
            release_connection()
            postgres.terminate_backends()
        town.post_until_accepted(event)
    close_database()
    oracle(town)
    assert pool.poll() is None
    release_connection()
    postgres.terminate_backends()
    assert town.post(paid_events(1)[0]) == 200, (
        "a connection that was cut while idle is met again without an error"
    )
    assert "Traceback" not in told()


@pytest.mark.parametrize("only", ["postgresql"], indirect=True)
def test_a_killed_postgres_loses_no_accepted_event(only, postgres, town, told):
    """Given a server that dies, then intake answers 503, and the log gives the reason in a
    sentence; once it is back, the same processes do everything that was accepted.
    """
    web, pool = town.web(), town.pool()
    town.post_until_accepted(paid_events(1)[0])
    late = paid_events(3)
    town.stage(*paid_events(5))
    close_database()
    postgres.kill()
    try:
        wait_for(lambda: town.post(late[0]) == 503, "intake says so", every=0.1)
        assert town.get("/readyz")[0] == 503
        assert town.get("/healthz")[0] == 200
    finally:
        postgres.revive()
    for event in late:
        town.post_until_accepted(event)
    oracle(town)
    assert (web.poll(), pool.poll()) == (None, None)
    assert AWAY in told()
    assert "Traceback" not in told()


@pytest.fixture
def standby(postgres):
    """A function that makes the server read-only, like a standby not promoted yet, or writable."""

    def become(read_only):
        value = "= on" if read_only else "= DEFAULT"
        postgres.run(f"ALTER SYSTEM SET default_transaction_read_only {value}")
        postgres.run("SELECT pg_reload_conf()")

    yield become
    become(False)


@pytest.mark.parametrize("only", ["postgresql"], indirect=True)
def test_events_get_503_while_postgres_is_read_only_and_none_is_lost(only, standby, town, told):
    """Given a standby that is promoted late, then intake answers 503, and `/readyz` and each
    process's log say why; once it is writable, the same processes do everything that was accepted.
    """
    web, pool, ticker = town.web(), town.pool(), town.scheduler()
    town.post_until_accepted(paid_events(1)[0])
    late = paid_events(3)
    town.stage(*paid_events(5))
    close_database()
    children = all_children_of(pool.pid, 3)
    standby(True)
    wait_for(lambda: [town.post(event) for event in late] == [503] * 3, "intake says so")
    status, ready = town.get("/readyz")
    assert (status, ready["reasons"][0]) == (200, f"database: {STANDBY}")
    wait_for(lambda: told().count(STANDBY) >= 2, "web and relay say so")
    standby(False)
    for event in late:
        town.post_until_accepted(event)
    oracle(town)
    assert (web.poll(), pool.poll(), ticker.poll()) == (None, None, None)
    assert children_of(pool.pid) == children
    assert told().count(STANDBY) <= 4, "web, relay and two workers"
    assert "Traceback" not in told()


@pytest.mark.parametrize("only", ["postgresql"], indirect=True)
def test_no_connection_to_a_standby_is_reused(only, standby):
    """Given a host name that still leads to a standby, then each use opens a new connection,
    because the name may lead to the primary by now.
    """

    def backend():
        number = execute("SELECT pg_backend_pid()").fetchone()[0]
        release_connection()
        return number

    assert backend() == backend()
    standby(True)
    wait_for(lambda: backend() != backend(), "each time another one")


@pytest.mark.parametrize("only", ["postgresql"], indirect=True)
def test_events_get_503_while_postgres_has_no_free_connection_and_none_is_lost(
    only, postgres, town, told
):
    """Given other clients that hold every free connection, when ours are cut, then intake and
    `/readyz` answer 503, with the reason; once some are free, the same processes do everything that
    was accepted.
    """
    web, pool = town.web(), town.pool()
    town.post_until_accepted(paid_events(1)[0])
    late = paid_events(3)
    town.stage(*paid_events(5))
    close_database()
    children = all_children_of(pool.pid, 3)
    with contextlib.ExitStack() as others:
        held = [others.enter_context(psycopg.connect(postgres.url, autocommit=True))]

        def take_what_is_free():
            held[0].execute(
                "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity"
                " WHERE datname LIKE 't%'"
            )
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    held.append(others.enter_context(psycopg.connect(postgres.url)))
            return town.get("/readyz")[0] == 503

        wait_for(take_what_is_free, "none is left for us")
        assert [town.post(event) for event in late] == [503] * 3
        assert town.get("/readyz")[1]["reasons"] == [f"database: {CROWDED}"]
        assert town.get("/healthz")[0] == 200
    for event in late:
        town.post_until_accepted(event)
    oracle(town)
    assert (web.poll(), pool.poll(), children_of(pool.pid)) == (None, None, children)
    assert CROWDED in told()
    assert "Traceback" not in told()
