"""The two jobs in their plainest form: nothing, and what Payphone's jobs mostly do, a Redis lock
held around one SQLite transaction that writes a row.
"""

import os
import sqlite3
import time
from functools import cache
from pathlib import Path

import redis
import tally

ROWS = 500


def connect() -> sqlite3.Connection:
    """Connect with Payphone's durability: a commit returns once it is on disk."""
    database = sqlite3.connect(os.environ["BENCH_DATABASE"], timeout=5, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full", "busy_timeout = 5000"):
        database.execute(f"PRAGMA {pragma}")
    return database


@cache
def _own_database(_pid: int) -> sqlite3.Connection:
    return connect()


@cache
def _own_redis(_pid: int) -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def nothing(_number: int) -> None:
    """Do nothing."""
    tally.add()


def realistic(number: int) -> None:
    """Lock, write a row, unlock."""
    pid = os.getpid()
    database = _own_database(pid)
    with _own_redis(pid).lock(f"lock:{number % ROWS}", timeout=25, blocking_timeout=2):
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            "UPDATE bench_row SET value = value + 1 WHERE id = ?", (number % ROWS + 1,)
        )
        database.execute("COMMIT")
    tally.add()


def wait_for_go() -> None:
    """Wait until all processes are ready, so that they start together."""
    Path(os.environ["BENCH_READY"], str(os.getpid())).touch()
    while not Path(os.environ["BENCH_GO"]).exists():
        time.sleep(0.005)
