"""A database that hangs blocks nothing for ever: statements time out, and a worker that hangs is
killed.
"""

import socket
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import psycopg
import pytest
from peewee import OperationalError

from delivery import batch, worker
from delivery.attempt import perform
from delivery.batch import CLAIM_SECONDS
from delivery.worker import Worker
from jobs.process_stripe_event import process_stripe_event
from models.database_errors import AWAY, explain, is_outage
from models.delivery.attempt import claim_job
from models.delivery.staged_job import StagedJob
from models.transactions import (
    STATEMENT_SECONDS,
    execute,
    open_database,
    transaction,
    use_database,
)
from tests import given
from tests.running.processes import close_database
from tests.running.servers import wait_for
from tests.watching.counting import counted


@pytest.fixture
def on_postgres(database_url):
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no statement that waits for a server")
    return database_url


def test_a_process_that_hangs_in_a_transaction_loses_its_locks(on_postgres):
    """Given a process that is frozen, or whose machine has vanished, in the middle of a
    transaction, then PostgreSQL rolls it back, so that nobody waits for its locks for hours; the
    process that wakes finds the database away, and goes on afterwards.
    """
    job_id = given.a_job("a_test_job", 1)
    close_database()
    use_database(on_postgres, patience=0.5)

    def hang():
        with transaction():
            StagedJob.locked(job_id)
            other.execute("UPDATE staged_job SET last_error = 'free' WHERE id = %s", (job_id,))
            StagedJob.locked(job_id)

    with psycopg.connect(on_postgres, autocommit=True) as other:
        other.execute("SET lock_timeout = '60s'")
        with pytest.raises(OperationalError) as error:
            hang()
    assert is_outage(error.value)
    assert "was frozen" in explain(error.value)
    answers()
    assert StagedJob.get_by_id(job_id).last_error == "free"


def test_a_timed_out_statement_is_not_retried(on_postgres):
    """Given a statement that takes too long, then it times out and is not tried again."""
    close_database()
    use_database(on_postgres, patience=0.5)
    answers()
    with counted() as cost, pytest.raises(OperationalError, match="statement timeout"):
        execute("SELECT pg_sleep(300)")
    assert cost.sent == ["SELECT pg_sleep(300)"]
    answers()


def answers():
    """Wait until a short statement is answered: on a busy machine it can exceed half a second."""
    wait_for(lambda: execute("SELECT 1").fetchone()[0] == 1, "a short statement is answered")


def test_commands_and_migrations_have_no_statement_timeout(on_postgres):
    assert execute("SHOW statement_timeout").fetchone()[0] == "0"


def test_commands_and_migrations_ignore_the_databases_statement_timeout(on_postgres):
    """Given a statement timeout set for the database, then commands and migrations ignore it."""
    name = execute("SELECT current_database()").fetchone()[0]
    execute(f"ALTER DATABASE {name} SET statement_timeout = '1s'")
    close_database()
    use_database(on_postgres)
    try:
        assert execute("SHOW statement_timeout").fetchone()[0] == "0"
    finally:
        execute(f"ALTER DATABASE {name} RESET statement_timeout")


@pytest.mark.parametrize(
    ("name", "set_to", "used"),
    [
        ("default_transaction_isolation", "repeatable read", "read committed"),
        ("synchronous_commit", "off", "on"),
        ("synchronous_commit", "remote_apply", "remote_apply"),
    ],
)
def test_settings_that_would_break_our_promises_are_overridden(on_postgres, name, set_to, used):
    """Given a database whose transactions do not see what committed while they waited for a lock,
    or whose COMMIT is answered before it has reached the disk, then ours do not follow it; a
    stricter setting stays.
    """
    here = execute("SELECT current_database()").fetchone()[0]
    execute(f"ALTER DATABASE {here} SET {name} = '{set_to}'")
    close_database()
    use_database(on_postgres)
    try:
        assert execute(f"SHOW {name}").fetchone()[0] == used
    finally:
        execute(f"ALTER DATABASE {here} RESET {name}")


def test_parallel_query_workers_are_turned_off(on_postgres):
    assert execute("SHOW max_parallel_workers_per_gather").fetchone()[0] == "0"


def test_a_dead_server_is_noticed(on_postgres):
    database = open_database(on_postgres, STATEMENT_SECONDS)
    with database.connection_context():
        told = database.connection().info.get_parameters()
        assert database.execute_sql("SHOW statement_timeout").fetchone()[0] == "20s"
    assert {
        name: told[name]
        for name in (
            "keepalives_idle",
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
        )
    } == {
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "20000",
    }


# slow only at COMMIT, as long as the connection is open
SLOW_AT_COMMIT = """
CREATE TEMP TABLE slow (id int);
CREATE FUNCTION pg_temp.sleeps() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(300); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow_at_commit AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION pg_temp.sleeps();
"""


def _asks(_number):
    execute("SELECT pg_sleep(300)")


def _asks_in_a_transaction(_number):
    with transaction():
        execute("SELECT pg_sleep(300)")


def _commits(_number):
    with transaction():
        execute("INSERT INTO slow VALUES (1)")


@pytest.mark.parametrize("act", [_asks, _asks_in_a_transaction, _commits])
def test_a_job_that_times_out_during_a_statement_is_recorded_at_once(on_postgres, act):
    """Given a job whose time runs out during a statement, alone or in a transaction, or during a
    COMMIT, then its row says so at once, and later transactions work.
    """
    execute(SLOW_AT_COMMIT)
    job = claim_job(given.a_job("process_stripe_event", 1), "w1")
    late = replace(process_stripe_event, perform=act, timeout=1)
    assert perform(job, late).state == "failed"
    row = StagedJob.get()
    assert (row.state, row.last_error.partition(":")[0]) == ("waiting", "JobTimeout")
    with transaction():
        given.a_job("process_stripe_event", 2)
    assert StagedJob.select().count() == 2


@pytest.fixture
def silent():
    """A server that accepts connections and never answers; its port and its connections."""
    came = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:

        def take():
            with suppress(OSError):  # the server is closed
                while True:
                    came.append(server.accept()[0])

        taking = threading.Thread(target=take)
        taking.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        taking.join()
        for each in came:
            each.close()


def test_threads_share_connection_attempts_to_a_silent_server(silent):
    """Given eight threads of a process at once, then each learns that the server is unavailable,
    from fewer connections than threads.
    """
    port, came = silent
    database = open_database(f"postgresql://nobody@127.0.0.1:{port}/nothing", STATEMENT_SECONDS)
    begin = threading.Barrier(8)
    told = []

    def ask(act):
        begin.wait()
        with pytest.raises(OperationalError) as raised:
            act()
        told.append(explain(raised.value))

    acts = [partial(database.execute_sql, "SELECT 1"), database.begin] * 4
    threads = [threading.Thread(target=ask, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [AWAY] * 8
    assert len(came) < len(threads)


def test_a_worker_has_a_deadline_while_it_claims_and_performs(database_url, valkey, monkeypatch):
    """Given a worker, then it has a deadline while it claims, performs and records a job, and none
    while it waits.
    """
    told = []
    # frozen, so that the deadlines are exact
    for module in (worker, batch):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1_000.0))
    job_id = given.a_job("process_stripe_event", 1)
    claim, perform = worker.claim_job, batch.perform
    monkeypatch.setattr(worker, "claim_job", lambda *asked: told.append("claim") or claim(*asked))
    monkeypatch.setattr(
        batch, "perform", lambda *asked, **more: told.append("perform") or perform(*asked, **more)
    )
    Worker(
        "webhooks",
        valkey.client(),
        "watched",
        lambda at: told.append(at - 1_000.0 if at else 0),
    ).take(f"process_stripe_event-{job_id}")
    assert told == [
        CLAIM_SECONDS,
        "claim",
        process_stripe_event.timeout,
        "perform",
        CLAIM_SECONDS,
        0,
    ]
    assert CLAIM_SECONDS > STATEMENT_SECONDS


@pytest.mark.parametrize("scheme", ["postgres", "PostgreSQL"])
def test_any_spelling_of_the_postgresql_url_scheme_is_accepted(on_postgres, scheme):
    """Hosts also give out postgres://…; the rest of the URL counts as it is."""
    _, colon, rest = on_postgres.partition(":")
    database = open_database(f"{scheme}{colon}{rest}")
    with database.connection_context():
        assert database.execute_sql("SELECT 1").fetchone() == (1,)
