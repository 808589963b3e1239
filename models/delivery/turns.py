"""Whose turn it is in a queue: what is claimed next is chosen by whose work waits, not by who
staged first.

RQ's list says that there is work; the rows say which. A claim looks at the index `staged_job_turns`
only, at one entry of it for each of those who wait: its cost does not grow with what they have
waiting.
"""

from dataclasses import dataclass

from models.delivery.attempt import Claimed, claim_where
from models.transactions import execute, is_postgres

MOST = 100  # of those who wait, how many are looked at for one claim
_WAITS = "state = 'waiting' AND pushed_at IS NOT NULL"

_LEAST = f"SELECT MIN(fair_to) FROM staged_job WHERE {_WAITS} AND queue = (SELECT queue FROM it)"
# One probe of the index for each: whoever comes after the last one, and after the end the first.
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
    """Somebody whose work waits in a queue, and how many of its workers are at work for them."""

    fair_to: str
    running: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """Those who wait in the `queue` of a job, and whose the job is; `fair_to` is None when the job
    waits no more, `is_known` is false when there is no such job.
    """

    is_known: bool
    queue: str
    fair_to: str | None
    waiting: list[Waiting]


def claim_next(queue: str, fair_to: str, worker: str) -> Claimed | None:
    """Take the job of `fair_to` that has been due in `queue` for longest; None when there is
    none.
    """
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres() else ""
    oldest = (
        f"id = (SELECT id FROM staged_job WHERE {_WAITS} AND queue = ? AND fair_to = ?"
        f" ORDER BY due_at, id LIMIT 1 {lock})"
    )
    return claim_where(worker, oldest, (queue, fair_to))


def who_waits(job_id: int, queue: str, after: str) -> Queued:
    """Those who wait where the job is queued (`queue`, unless its row says another); of more than
    `MOST`, those that come after `after` in the order of their names.

    What a request performs itself keeps no worker busy, and does not count as running.
    """
    rows = execute(_WHO_WAITS, (queue, job_id, after, MOST)).fetchall()
    waiting = [Waiting(row[3], row[4]) for row in rows if row[3] is not None]
    known, its_queue, whose = rows[0][:3]
    return Queued(bool(known), its_queue, whose, waiting)
