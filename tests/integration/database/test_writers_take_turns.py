"""Of processes that write to one SQLite file, none starves; and turns only put them in an order."""

import fcntl
import os
from pathlib import Path

import pytest

from models import base, write_turns
from models.base import execute, transaction
from tests import given
from tests.processes import close_database

GOAL = 1_000  # commits of both together

# Each adds to its own row until both together have made enough, and begins when the other is there.
WRITER = f"""
import sys, time
from models.base import execute, transaction, use_database
from runtime.settings import get_settings

use_database(get_settings().database_url)
mine = sys.argv[1]
execute("INSERT INTO written VALUES (?, 0)", (mine,))
while execute("SELECT COUNT(*) FROM written").fetchone()[0] < 2:
    time.sleep(0.001)
while True:
    with transaction():
        execute("UPDATE written SET times = times + 1 WHERE who = ?", (mine,))
        if execute("SELECT SUM(times) FROM written").fetchone()[0] >= {GOAL}:
            break
"""


@pytest.fixture
def sqlite(database_url):
    """The path of the file of the turns."""
    if base.is_postgres():
        pytest.skip("PostgreSQL has no lock that all writers wait for")
    return Path(f"{base.database.path}-turn")


@pytest.mark.slow
def test_two_busy_writers_share_alike(sqlite, database_url, processes):
    """Given two processes that do nothing but write, then each makes a good part of the commits."""
    execute("CREATE TABLE written (who TEXT, times INTEGER)")
    writers = [processes("-c", WRITER, who, DATABASE_URL=database_url) for who in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    times = dict(execute("SELECT who, times FROM written").fetchall())
    execute("DROP TABLE written")
    assert min(times.values()) > GOAL / 5, times


def test_a_turn_that_never_comes_is_not_waited_for(sqlite, monkeypatch):
    """Given a process that was frozen while it had the lock of the turns, then others write, and
    wait once only.
    """
    given.an_account()
    looks = []
    monkeypatch.setattr(write_turns, "PATIENCE", 0.05)
    monkeypatch.setattr(write_turns.time, "sleep", looks.append)
    held = os.open(sqlite, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    base.database._turns._ours_until = 0.0
    given.an_account()
    assert looks, "it has waited"
    looks.clear()
    for _ in range(3):
        given.an_account()
    assert not looks
    os.close(held)


def test_no_turns_where_their_file_cannot_be_made(sqlite):
    """As in a folder that may not be written to, or on a disk without room for another file."""
    close_database()
    sqlite.unlink(missing_ok=True)
    sqlite.mkdir()
    base.use_database(f"sqlite:///{base.database.path}")
    try:
        with transaction():
            given.an_account()
    finally:
        sqlite.rmdir()


def test_a_nested_transaction_needs_no_turn_and_the_file_is_private(sqlite):
    with transaction(), transaction():
        given.an_account()
    assert sqlite.stat().st_mode & 0o777 == 0o600
