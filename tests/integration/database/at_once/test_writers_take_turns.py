"""Several processes write to one SQLite file and each gets its turn: SQLite's own waiting gives
nearly all turns to a process that writes without a pause.
"""

import os
import sqlite3
import threading
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from peewee import OperationalError, SqliteDatabase

from models import transactions
from models.connections import open_database
from models.connections.sqlite import Sqlite
from models.delivery.attempt import claim_job
from models.delivery.staged_job import StagedJob, take_due
from models.transactions import execute, is_postgres, transaction, without_sync
from tests import given
from tests.running.servers import wait_for
from tests.watching.counting import counted

TURNS = 30
ASKS = 1_000
GREEDY = """
import sys
from pathlib import Path
from models.transactions import database, execute, transaction, use_database
from runtime.settings import get_settings
use_database(get_settings().database_url)
database.obj.patience = 120.0  # whoever has the turn may be without CPU
begun, stop, told = map(Path, sys.argv[1:])
written = 0
while not stop.exists():
    with transaction():
        execute("UPDATE staged_job SET claim = claim + 1")
    written += 1
    begun.touch()
told.write_text(str(written))
"""


@pytest.fixture
def on_sqlite(database_url):
    if is_postgres():
        pytest.skip("PostgreSQL's writers wait for rows, in a queue")
    return database_url


@pytest.mark.slow
@pytest.mark.parametrize("is_alone", [False, True], ids=["transactions", "statements"])
def test_a_process_that_writes_without_pause_does_not_starve_others(
    on_sqlite, processes, tmp_path, is_alone
):
    """Given a process that writes without a pause, when this one writes too, then each of its
    writes succeeds beside the other's.
    """
    given.a_job("a_test_job", 1)
    begun, stop, told = (tmp_path / name for name in ("begun", "stop", "told"))
    processes("-c", GREEDY, str(begun), str(stop), str(told))
    wait_for(begun.exists, "the other writes")
    for _ in range(TURNS):
        if is_alone:
            execute("UPDATE staged_job SET attempts = attempts + 1")
        else:
            with transaction():
                execute("UPDATE staged_job SET attempts = attempts + 1")
    stop.touch()
    wait_for(told.exists, "the other has stopped")
    wait_for(told.read_text, "and said how often it wrote")
    row = StagedJob.get()
    assert (row.attempts, row.claim) == (TURNS, int(told.read_text()))


@pytest.mark.parametrize("is_alone", [False, True], ids=["transactions", "statements"])
def test_the_pause_between_lock_attempts_does_not_grow(on_sqlite, monkeypatch, is_alone):
    """Given a database that is locked for a thousand tries, then each pause between tries stays
    under two milliseconds and SQLite's own busy timeout is 0, so that few turns of others pass
    between two tries.
    """
    given.a_job("a_test_job", 1)
    holder = sqlite3.connect(on_sqlite.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == ASKS:
            holder.execute("COMMIT")

    clock = SimpleNamespace(sleep=pause, monotonic=lambda: 0.0)
    monkeypatch.setattr("models.connections.sqlite.time", clock)
    with nullcontext() if is_alone else transaction():
        execute("UPDATE staged_job SET attempts = attempts + 1")
    holder.close()
    assert len(pauses) == ASKS
    assert max(pauses) < 0.002
    assert execute("PRAGMA busy_timeout").fetchone()[0] == 0
    assert StagedJob.get().attempts == 1


def test_waiting_for_a_locked_database_times_out(on_sqlite, monkeypatch):
    given.a_job("a_test_job", 1)
    monkeypatch.setattr(transactions.database.obj, "patience", 0.05, raising=False)
    holder = sqlite3.connect(on_sqlite.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(OperationalError, match="locked"):
        execute("UPDATE staged_job SET attempts = attempts + 1")
    with pytest.raises(OperationalError, match="locked"), transaction():
        pass
    assert time.monotonic() - begun >= 0.1
    assert StagedJob.get().attempts == 0, "who reads does not wait"
    holder.execute("COMMIT")
    holder.close()
    execute("UPDATE staged_job SET attempts = attempts + 1")
    assert StagedJob.get().attempts == 1


@pytest.fixture
def on_durable_sqlite(on_sqlite, waiting_sqlite, monkeypatch):
    """Use the durable connection of production."""
    monkeypatch.setattr(open_database, "Sqlite", waiting_sqlite)
    transactions.use_database(on_sqlite)


def test_the_database_file_uses_wal_with_full_synchronous(on_durable_sqlite):
    told = [execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert told == ["wal", 2]


def waits_for_disk():
    return execute("PRAGMA synchronous").fetchone()[0] == 2


def test_only_claims_and_push_marks_are_committed_without_a_sync(on_durable_sqlite):
    """Given a claim and the mark that a job was pushed, then neither waits for the disk, and later
    commits do.
    """
    job_id = given.a_job("a_test_job", 1)
    with counted() as cost:
        assert claim_job(job_id, "worker") is not None
        take_due(10, 0, {})
    quick, claim, usual, quick_again, push, usual_again = cost.sent
    assert {quick, quick_again} == {"PRAGMA synchronous = normal"}
    assert {usual, usual_again} == {"PRAGMA synchronous = full"}
    assert (claim[:17], push[:17]) == ("UPDATE staged_job",) * 2
    assert waits_for_disk()


def test_an_error_without_sync_restores_full_durability(on_durable_sqlite):
    with pytest.raises(OperationalError), without_sync():
        execute("UPDATE nothing_of_this_name SET a = 1")
    assert waits_for_disk()
    with transaction(), without_sync():
        given.a_job("a_test_job", 1)
        assert waits_for_disk(), "a transaction that was begun waits"


def test_tests_run_without_syncing_to_disk(on_sqlite):
    """Tests kill processes, not the machine, so what was written survives without a sync."""
    assert execute("PRAGMA synchronous").fetchone()[0] == 0


def test_only_one_waiting_thread_at_a_time_tries_for_the_lock(on_sqlite, monkeypatch):
    """Given threads of one process that begin while another process writes, then only one of them
    tries for the lock at a time, and each writes in the end.
    """
    job_id, sqlite = given.a_job("a_test_job", 1), transactions.database.obj
    begin, ask, begun, asking, most = sqlite.begin, sqlite._ask, [], [], []

    def begins(*how):
        begun.append(how)
        begin(*how)

    def asks(act, give_up):
        asking.append(act)
        most.append(len(asking))
        ask(act, give_up)
        asking.remove(act)

    def write():
        with transaction():
            execute("UPDATE staged_job SET attempts = attempts + 1 WHERE id = ?", (job_id,))
        transactions.database.close()

    holder = sqlite3.connect(on_sqlite.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "begin", begins, raising=False)
        patch.setattr(sqlite, "_ask", asks, raising=False)
        threads = [threading.Thread(target=write) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(begun) == 5 and asking, "all have begun, and one asks")
        holder.execute("COMMIT")
        holder.close()
        for thread in threads:
            thread.join(60)
    assert (StagedJob.get_by_id(job_id).attempts, max(most)) == (5, 1)


def is_free(turns):
    """Return whether another thread could take the turn."""
    told = []

    def take():
        told.append(turns.acquire(blocking=False))
        if told[0]:
            turns.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return told[0]


def test_a_forked_process_does_not_inherit_the_parents_write_lock(on_sqlite, monkeypatch):
    """Given a process forked while a thread writes, then no thread holds the turn in the child."""
    with transaction():
        assert not is_free(transactions.database.obj._turns)
        child = os.fork()
        if child == 0:
            os._exit(int(not is_free(transactions.database.obj._turns)))
        assert os.waitpid(child, 0)[1] == 0


# the method that sends each step to SQLite
STEPS = {
    "begin": (Sqlite, "_ask"),
    "commit": (Sqlite, "_commit"),
    "rollback": (SqliteDatabase, "rollback"),
}


def fails(*_how):
    raise OperationalError("not now")


@pytest.mark.parametrize("where", ["begin", "commit", "rollback", None])
def test_a_failed_transaction_frees_its_turn_for_the_next(on_sqlite, monkeypatch, where):
    """Given a transaction that fails in its body, at its beginning or at its end, then the next one
    gets its turn.
    """

    def write():
        with transaction():
            if where in {"rollback", None}:
                fails()

    with monkeypatch.context() as patch:
        if where:
            patch.setattr(*STEPS[where], fails)
        with pytest.raises(OperationalError):
            write()
    assert is_free(transactions.database.obj._turns)
    with transaction():
        execute("UPDATE staged_job SET claim = claim")


class TimeIsOver(BaseException):
    """Stands in for a job's timeout."""


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("where", ["begin", "commit", "rollback"])
def test_a_timeout_during_begin_commit_or_rollback_leaves_nothing_open(
    on_sqlite, monkeypatch, where, is_done
):
    """Given a timeout signal before or after a BEGIN, COMMIT or ROLLBACK is done, then nothing
    stays open, the turn is free, and the next transaction works.
    """
    act = getattr(*STEPS[where])

    def rings(database, *how):
        if is_done:
            act(database, *how)
        raise TimeIsOver

    def write():
        with transaction():
            given.a_job("a_test_job", 1)
            if where == "rollback":
                fails()

    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[where], rings)
        with pytest.raises(TimeIsOver):
            write()
    assert is_free(transactions.database.obj._turns)
    assert not transactions.database.connection().in_transaction
    assert StagedJob.select().count() == int(where == "commit" and is_done)
    with transaction():
        given.a_job("a_test_job", 2)


def test_a_timeout_while_checking_for_the_file_leaves_nothing_open(on_sqlite, monkeypatch):
    def rings():
        raise TimeIsOver

    def write():
        with transaction():
            given.a_job("a_test_job", 1)
            patch.setattr(transactions.database.obj, "_is_lost", rings, raising=False)

    with monkeypatch.context() as patch, pytest.raises(TimeIsOver):
        write()
    assert not transactions.database.connection().in_transaction
    assert is_free(transactions.database.obj._turns)
    assert StagedJob.select().count() == 0
