"""Several processes write to one SQLite file, and each gets its turns: SQLite's own waiting leaves
nearly all of them to whoever writes without a pause.
"""

import sqlite3
import time

import pytest
from peewee import OperationalError

from models import base, connections
from models.base import execute, is_postgres, transaction, without_sync
from models.delivery.staged_job import StagedJob, claim_job, take_due
from tests import given
from tests.counting import counted
from tests.servers import wait_for

TURNS = 30
GREEDY = """
import sys
from pathlib import Path
from models.base import execute, transaction, use_database
from runtime.settings import get_settings
use_database(get_settings().database_url)
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
def test_one_that_writes_without_a_pause_leaves_others_their_turns(
    on_sqlite, processes, tmp_path, is_alone
):
    """Given a process that writes again and again, when this one does so too, then it need not wait
    for many of the other's turns for each of its own.
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
    assert StagedJob.get().attempts == TURNS
    assert int(told.read_text()) < 10 * TURNS


def test_who_holds_the_database_for_long_is_not_waited_for_for_ever(on_sqlite, monkeypatch):
    given.a_job("a_test_job", 1)
    monkeypatch.setattr(base.database.obj, "patience", 0.05, raising=False)
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
    """As in production."""
    monkeypatch.setattr(connections, "_Sqlite", waiting_sqlite)
    base.use_database(on_sqlite)


def test_the_file_stays_as_durable_as_it_was(on_durable_sqlite):
    told = [execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert told == ["wal", 2]


def waits_for_disk():
    return execute("PRAGMA synchronous").fetchone()[0] == 2


def test_only_who_has_a_job_is_not_waited_for(on_durable_sqlite):
    """Given a claim, and the mark that a job was pushed, then neither waits for the disk, and
    whatever is committed after it does.
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


def test_what_fails_meanwhile_leaves_the_file_as_durable_as_it_was(on_durable_sqlite):
    with pytest.raises(OperationalError), without_sync():
        execute("UPDATE nothing_of_this_name SET a = 1")
    assert waits_for_disk()
    with transaction(), without_sync():
        given.a_job("a_test_job", 1)
        assert waits_for_disk(), "a transaction that was begun waits"


def test_a_test_waits_for_no_disk(on_sqlite):
    """What is killed in tests is processes; the system still has what they had written."""
    assert execute("PRAGMA synchronous").fetchone()[0] == 0
