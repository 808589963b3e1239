"""Attempts at staged jobs in the database: a process claims and settles an attempt, or it is
released from a process that is silent or dead.

Each operation is one fixed SQL statement, because every job takes this path. Every write that ends
an attempt carries its claim, the fencing token.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.delivery.staged_job import SECOND
from models.transactions import execute, is_postgres, without_sync
from runtime.settings import get_settings

LEASE = 30.0  # seconds that a claimed attempt may be silent before another can start
_AGAIN = "wanted_again IS NOT NULL"
_WANTED_IN = "CAST(wanted_again AS BIGINT) * 1000"  # microseconds
_DEAD = "attempts >= max_attempts AND wanted_again IS NULL"
_NOBODY_ELSE = " AND ".join(
    "NOT EXISTS (SELECT 1 FROM staged_job o WHERE o.queue = staged_job.queue AND o.state ="
    f" 'waiting' AND o.pushed_at IS NOT NULL AND o.fair_to {other} staged_job.fair_to)"
    for other in "<>"
)
# No later than requested during the attempt, which may have missed the reason. Takes a delay twice.
_DUE = f"due_at = {{now}} + CASE WHEN {_WANTED_IN} < ? THEN {_WANTED_IN} ELSE ? END"
# After an attempt that failed or fell silent. Takes a delay in microseconds, twice, and an error.
_GIVEN_BACK = (
    f"state = CASE WHEN {_DEAD} THEN 'dead' ELSE 'waiting' END, finished_at = CASE WHEN {_DEAD}"
    f" THEN {{now}} END, attempts = CASE WHEN {_AGAIN} THEN 0 ELSE attempts END, {_DUE},"
    " lease_until = NULL, pushed_at = NULL, last_error = ?"
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt that only this process may perform."""

    id: int
    name: str
    args: list[Any]
    queue: str
    claim: int
    attempts: int
    max_attempts: int
    request_id: str | None
    fair_to: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """A job released from an attempt that ended without a result: it is `waiting` or `dead`."""

    id: int
    name: str
    queue: str
    state: str


def claim_job(
    job_id: int, worker: str, early: bool = False, undisputed_in: str = ""
) -> Claimed | None:
    """Claim the job if it is waiting and due (or `early`), or return None.

    One statement, so that only one of many processes can. `undisputed_in`: only if it waits in this
    queue, and no job of another account or endpoint does.
    """
    if not undisputed_in:
        return claim_where(worker, "id = ?", (job_id,), early)
    return claim_where(worker, f"id = ? AND queue = ? AND {_NOBODY_ELSE}", (job_id, undisputed_in))


def claim_where(
    worker: str, which: str, params: tuple[Any, ...], early: bool = False
) -> Claimed | None:
    """As `claim_job`, for the one job that matches the condition `which`."""
    claimed = _claim(worker, which, params, early)
    return claimed[0] if claimed else None


def claim_more(like: Claimed, worker: str, most: int) -> list[Claimed]:
    """Claim up to `most` due jobs with the name, queue and `fair_to` of `like`, oldest first.

    Excludes jobs that were attempted before or have a single attempt: if this process dies, each
    job it holds has used up an attempt, whichever of them killed it.
    """
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres() else ""
    head = (
        "SELECT id, name, attempts, max_attempts FROM staged_job WHERE state = 'waiting' AND"
        f" pushed_at IS NOT NULL AND queue = ? AND fair_to = ? ORDER BY due_at, id LIMIT ? {lock}"
    )
    fresh = f"SELECT id FROM ({head}) AS head WHERE name = ? AND attempts = 0 AND max_attempts > 1"
    # An array is evaluated once; PostgreSQL may evaluate IN again, past the rows it has locked.
    which = f"id = ANY(ARRAY({fresh}))" if is_postgres() else f"id IN ({fresh})"
    return _claim(worker, which, (like.queue, like.fair_to, most, like.name))


def _claim(worker: str, which: str, params: tuple[Any, ...], early: bool = False) -> list[Claimed]:
    """Claim the matching jobs that are waiting and due, and return them sorted by id.

    On SQLite this does not wait for the disk. A claim lost in a power failure has had no effect: an
    attempt records whatever it does before doing it, which writes the claim to the disk too, and
    the processes that held it died with the machine.
    """
    due = "" if early else "AND due_at <= {now} "
    settings = get_settings()
    lease = settings.shortened(LEASE, settings.payphone_lease)
    with without_sync():
        rows = execute(
            "UPDATE staged_job SET state = 'running', claim = claim + 1, attempts = attempts + 1,"
            f" lease_until = {{now}} + ?, worker = ?, wanted_again = NULL WHERE {which} AND state ="
            " 'waiting' "
            + due
            + "AND attempts < max_attempts RETURNING id, name, args, queue, claim,"
            " attempts, max_attempts, request_id, fair_to",
            (int(lease * SECOND), worker, *params),
        ).fetchall()
    return [Claimed(row[0], row[1], json.loads(row[2]), *row[3:]) for row in sorted(rows)]


def finish_job(job: Claimed) -> bool:
    """Mark the job done, or waiting if it was staged again during the attempt, due after the delay
    requested then. Returns False if another attempt has the claim.
    """
    sets = (
        f"state = CASE WHEN {_AGAIN} THEN 'waiting' ELSE 'done' END, finished_at = CASE WHEN"
        f" {_AGAIN} THEN NULL ELSE {{now}} END, attempts = CASE WHEN {_AGAIN} THEN 0 ELSE attempts"
        f" END, due_at = COALESCE({{now}} + {_WANTED_IN}, due_at), pushed_at = CASE WHEN"
        f" {_AGAIN} THEN NULL ELSE pushed_at END, lease_until = NULL, last_error = NULL"
    )
    return _settle(job, sets, ())


def fail_job(job: Claimed, error: str, delay: float, anew: bool = False) -> bool:
    """Give the job back, due in `delay` seconds, or mark it dead if its attempts are used up.

    Returns False if another attempt has the claim. If it was staged again during the attempt, its
    attempts start over, and it is due no later than requested then. `anew` drops the arguments with
    which an attempt would continue where another stopped.
    """
    micros = int(delay * SECOND)
    sets = f"{_GIVEN_BACK}, args = '[]'" if anew else _GIVEN_BACK
    return _settle(job, sets, (micros, micros, error))


def snooze_job(job: Claimed, reason: str, delay: float, onward: Sequence[str | int] = ()) -> bool:
    """Give the job back, due in `delay` seconds, without using up an attempt.

    Returns False if another attempt has the claim. If it was staged again during the attempt, it is
    due no later than requested then, because this attempt may have missed the reason. `onward`, if
    not empty, replaces its arguments.
    """
    sets = (
        f"state = 'waiting', attempts = attempts - 1, {_DUE}, lease_until = NULL, pushed_at = NULL,"
        " last_error = ?"
    )
    micros = int(delay * SECOND)
    if onward:
        return _settle(job, f"{sets}, args = ?", (micros, micros, reason, json.dumps(list(onward))))
    return _settle(job, sets, (micros, micros, reason))


def return_job(job: Claimed, is_pushed: bool) -> bool:
    """Give the job back unchanged, because its attempt did not begin.

    Returns False if another attempt has the claim. If `is_pushed`, the caller puts it back into
    RQ's queue; otherwise the relay pushes it.
    """
    sets = "state = 'waiting', attempts = attempts - 1, lease_until = NULL"
    return _settle(job, sets if is_pushed else f"{sets}, pushed_at = NULL", ())


def _settle(job: Claimed, sets: str, params: tuple[Any, ...]) -> bool:
    fenced = "WHERE id = ? AND claim = ? AND state = 'running'"
    return bool(
        execute(f"UPDATE staged_job SET {sets} {fenced}", (*params, job.id, job.claim)).rowcount
    )


def release_expired() -> list[Released]:
    """Release jobs whose leases expired; those without attempts left are dead.

    Skips a row that a frozen process has locked: the relay, which calls this at each look, must not
    wait for it.
    """
    which = "state = 'running' AND lease_until < {now}"
    if is_postgres():
        free = f"SELECT id FROM staged_job WHERE {which} FOR NO KEY UPDATE SKIP LOCKED"
        which = f"id = ANY(ARRAY({free}))"
    return _release(which, "lease expired: the worker died or was frozen", ())


def release_worker(worker: str) -> list[Released]:
    """Release the jobs of a worker that is known to be dead."""
    return _release("state = 'running' AND worker = ?", "worker died", (worker,))


def _release(which: str, error: str, params: tuple[Any, ...]) -> list[Released]:
    sql = f"UPDATE staged_job SET {_GIVEN_BACK} WHERE {which} RETURNING id, name, queue, state"
    rows = execute(sql, (0, 0, error, *params)).fetchall()
    return [Released(*row) for row in rows]
