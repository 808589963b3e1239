"""Payphone's side of `bin/bench quick`: two jobs, registered like any other.

`own fill JOB COUNT ROUND` stages and nudges them as a request does; `own work` runs the pool.
"""

import sys

import jobs  # noqa: F401 - a pool has all jobs in memory
import worker
from bench.peers import tally
from delivery import nudge  # noqa: F401 - staged jobs are pushed after their commit
from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from models.delivery.stage import stage
from models.transactions import execute, transaction, use_database
from runtime.settings import get_settings

ROWS = 500
AT_ONCE = 100


@job(queue="webhooks", calls_out=False, quick=True)
def bench_nothing(_number: int) -> None:
    """Do nothing."""
    tally.add()


@job(queue="webhooks", calls_out=False, quick=True)
def bench_realistic(number: int) -> None:
    """Lock, write a row, unlock."""
    with invoice_lock(f"bench_{number % ROWS}"), recording():
        execute("UPDATE bench_row SET value = value + 1 WHERE id = ?", (number % ROWS + 1,))
    tally.add()


def fill(name: str, count: int, turn: str) -> None:
    """Stage `count` jobs of one account."""
    use_database(get_settings().database_url)
    for start in range(0, count, AT_ONCE):
        with transaction():
            for number in range(start, min(start + AT_ONCE, count)):
                stage(f"bench_{name}", f"{turn}-{number}", number, fair_to="ac_bench")


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        worker.main()
