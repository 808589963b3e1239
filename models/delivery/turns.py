"""Whose turn it is in a queue: the next job to claim is chosen by whose work waits, not by which
was staged first.

RQ's list tells that there is work; the rows tell which. A claim reads one entry of the index
`staged_job_turns` per waiting account or endpoint, so its cost does not grow with their backlog.
"""

from dataclasses import dataclass

from models.delivery.attempt import Claimed, claim_where
from models.transactions import execute, is_postgres

MOST = 100  # how many waiting `fair_to` values are considered for one claim
_WAITS = "state = 'waiting' AND pushed_at IS NOT NULL"

_LEAST = f"SELECT MIN(fair_to) FROM staged_job WHERE {_WAITS} AND queue = (SELECT queue FROM it)"
# One index probe for each value: the one after the last, and after the end the first.
_WHO_WAITS = f"""
WITH RECURSIVE
it(known, queue, fair_to) AS (
    SELECT COUNT(*), COALESCE(MAX(queue), ?), MAX(CASE WHEN {_WAITS} THEN fair_to END)
    FROM staged_job WHERE id = ?
),
turn(fair_to, first, number) AS (
    SELECT found, found, 1
    FROM (SELECT COALESCE(({_LEAST} AND fair_to > ?), ({_LEAST})) AS found) start
    UNION ALL
    SELECT COALESCE(({_LEAST} AND fair_to > turn.fair_to), ({_LEAST})), first, number + 1
    FROM turn WHERE number < ? AND (number = 1 OR fair_to <> first)
),
busy AS (
    SELECT fair_to, COUNT(DISTINCT worker) AS jobs FROM staged_job
    WHERE state = 'running' AND queue = (SELECT queue FROM it) AND SUBSTR(worker, 1, 4) <> 'web:'
    GROUP BY fair_to
)
SELECT it.known, it.queue, it.fair_to, turn.fair_to, COALESCE(busy.jobs, 0)
FROM it
LEFT JOIN turn ON turn.number = 1 OR turn.fair_to <> turn.first
LEFT JOIN busy ON busy.fair_to = turn.fair_to
ORDER BY turn.number
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account or endpoint whose work waits in a queue, and how many of the queue's workers are
    performing its jobs.
    """

    fair_to: str
    running: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """The accounts and endpoints that wait in a job's `queue`, and the job's own `fair_to`, which
    is None if it no longer waits. `is_known` is false if there is no such job.
    """

    is_known: bool
    queue: str
    fair_to: str | None
    waiting: list[Waiting]


def claim_next(queue: str, fair_to: str, worker: str) -> Claimed | None:
    """Claim the job of `fair_to` that has been due in `queue` for longest, or return None."""
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres() else ""
    oldest = (
        f"id = (SELECT id FROM staged_job WHERE {_WAITS} AND queue = ? AND fair_to = ?"
        f" ORDER BY due_at, id LIMIT 1 {lock})"
    )
    return claim_where(worker, oldest, (queue, fair_to))


def waiting_accounts(job_id: int, queue: str, after: str) -> Queued:
    """The accounts and endpoints that wait in the job's queue (`queue`, unless its row says
    another). If there are more than `MOST`, those that sort after `after`, then from the start
    again.

    Jobs that a request performs itself occupy no worker, and do not count as running.
    """
    rows = execute(_WHO_WAITS, (queue, job_id, after, MOST)).fetchall()
    waiting = [Waiting(row[3], row[4]) for row in rows if row[3] is not None]
    known, its_queue, whose = rows[0][:3]
    return Queued(bool(known), its_queue, whose, waiting)
