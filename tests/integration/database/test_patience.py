"""A database that hangs holds nobody for ever: statements are given up, and a worker that hangs is
killed.
"""

from types import SimpleNamespace

import pytest
from peewee import OperationalError

from delivery import batch, worker
from delivery.batch import CLAIM_SECONDS
from delivery.worker import Worker
from jobs import process_stripe_event
from models.transactions import STATEMENT_SECONDS, execute, open_database, use_database
from tests import given
from tests.running.processes import close_database
from tests.running.servers import wait_for
from tests.watching.counting import counted


@pytest.fixture
def on_postgres(database_url):
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no statement that waits for a server")
    return database_url


def test_a_statement_is_given_up_once(on_postgres):
    """Given a statement that takes too long, then it fails after that time, and is not tried a
    second time.
    """
    close_database()
    use_database(on_postgres, patience=0.5)
    answers()
    with counted() as cost, pytest.raises(OperationalError, match="statement timeout"):
        execute("SELECT pg_sleep(300)")
    assert cost.sent == ["SELECT pg_sleep(300)"]
    answers()


def answers():
    """A short statement is answered, if need be later: half a second may pass on a busy machine."""
    wait_for(lambda: execute("SELECT 1").fetchone()[0] == 1, "a short statement is answered")


def test_commands_and_migrations_take_their_time(on_postgres):
    assert execute("SHOW statement_timeout").fetchone()[0] == "0"


def test_no_statement_waits_for_processes_that_help_to_read(on_postgres):
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


def test_a_worker_is_watched_while_it_claims_too(database_url, valkey, monkeypatch):
    """Given a worker, then there is a time at which it is killed while it claims, while it works
    and until it is through, and none while it waits.
    """
    told = []
    # it stands still: what is told is when, from now on
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
