"""The job table. The database decides which jobs are due; RQ only transports their ids.

State goes `waiting → running → done | dead | cancelled`. `claim` only grows: it is the fencing
token that every later write of an attempt carries. A job that is staged again while it runs is
`wanted_again`: however that attempt ends, the job waits for another attempt, which sees what this
one may have missed. All times come from the database's own clock. The SQL is fixed text, because
this is the path every job takes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import SQL, BigAutoField, BigIntegerField, IntegerField, TextField

from models.base import Row
from models.delivery.job_names import names_of, staged_name
from models.transactions import execute, is_postgres, without_sync
from runtime.settings import get_settings

LEASE = 30.0  # seconds a claimed attempt may be silent before another may start
_SECOND = 1_000_000
_AGAIN = "wanted_again IS NOT NULL"
_DEAD = "attempts >= max_attempts AND wanted_again IS NULL"
_NOBODY_ELSE = " AND ".join(
    "NOT EXISTS (SELECT 1 FROM staged_job o WHERE o.queue = staged_job.queue AND o.state ="
    f" 'waiting' AND o.pushed_at IS NOT NULL AND o.fair_to {other} staged_job.fair_to)"
    for other in "<>"
)
# after an attempt that failed or fell silent; takes a delay in microseconds and an error
_GIVEN_BACK = (
    f"state = CASE WHEN {_DEAD} THEN 'dead' ELSE 'waiting' END, finished_at = CASE WHEN {_DEAD}"
    f" THEN {{now}} END, attempts = CASE WHEN {_AGAIN} THEN 0 ELSE attempts END, due_at = {{now}} +"
    " ?, lease_until = NULL, pushed_at = NULL, last_error = ?"
)


class StagedJob(Row):
    """One job: its name and key are unique together. Times are microseconds of the database's
    clock.

    `fair_to` is whose work it is: an account, or `account/endpoint`; empty for nobody's. Within a
    queue they take turns (`models.delivery.turns`).
    """

    id = BigAutoField()
    name = TextField()
    key = TextField()
    args = TextField(default="[]")
    queue = TextField()
    state = TextField(default="waiting")
    attempts = IntegerField(default=0)
    max_attempts = IntegerField()
    claim = IntegerField(default=0)
    due_at = BigIntegerField()
    lease_until = BigIntegerField(null=True)
    pushed_at = BigIntegerField(null=True)
    worker = TextField(null=True)
    last_error = TextField(null=True)
    request_id = TextField(null=True)
    created_at = BigIntegerField()
    finished_at = BigIntegerField(null=True)
    wanted_again = IntegerField(null=True)
    fair_to = TextField(default="", constraints=[SQL("DEFAULT ''")])

    class Meta:
        indexes = ((("name", "key"), True), (("state", "name", "id"), False))


StagedJob.add_index(
    StagedJob.index(
        StagedJob.queue, StagedJob.due_at, where=SQL("state = 'waiting'"), name="staged_job_waiting"
    )
)
# what RQ has and nobody has begun, by whose it is: whatever is put off or begun leaves this index
StagedJob.add_index(
    StagedJob.index(
        StagedJob.queue,
        StagedJob.fair_to,
        StagedJob.due_at,
        StagedJob.id,
        where=SQL("state = 'waiting' AND pushed_at IS NOT NULL"),
        name="staged_job_turns",
    )
)
StagedJob.add_index(
    StagedJob.index(
        StagedJob.lease_until, where=SQL("state = 'running'"), name="staged_job_running"
    )
)
StagedJob.add_index(
    StagedJob.index(
        StagedJob.finished_at,
        where=SQL("state NOT IN ('waiting', 'running', 'dead')"),
        name="staged_job_done",
    )
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One attempt that this process, and no other, may perform."""

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
class Pushable:
    """What RQ needs to know of a job that is due. One that goes `ahead` is put at the head."""

    id: int
    name: str
    queue: str
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """A job taken back from an attempt that ended without a result: waiting again, or dead."""

    id: int
    name: str
    queue: str
    state: str


def insert_job(
    name: str,
    key: str,
    args: Sequence[Any],
    queue: str,
    max_attempts: int,
    delay: float,
    pushed: bool,
    request_id: str | None,
    *,
    fair_to: str = "",
) -> int | None:
    """Insert a waiting job, due in `delay` seconds; its id, or None when name and key exist
    already.

    A job that was renamed is staged once under all its names, also while processes of the old
    release, which know one of them only, stage it too: its former names are kept for the key first.
    Whoever keeps one, or stages under it, leaves the others nothing to insert.
    """
    name, *former = names_of(name)
    arguments = json.dumps(list(args))
    for other in former:
        if not _keep_name(other, key, arguments, queue, max_attempts, name):
            return None
    row = execute(
        "INSERT INTO staged_job (name, key, args, queue, state, attempts, claim, max_attempts,"
        " due_at, pushed_at, request_id, fair_to, created_at) VALUES (?, ?, ?, ?, 'waiting', 0, 0,"
        " ?, {now} + ?, "
        + ("{now}" if pushed else "NULL")
        + ", ?, ?, {now}) ON CONFLICT (name, key) DO NOTHING RETURNING id",
        (name, key, arguments, queue, max_attempts, int(delay * _SECOND), request_id, fair_to),
    ).fetchone()
    return None if row is None else int(row[0])


def _keep_name(
    name: str, key: str, arguments: str, queue: str, max_attempts: int, present: str
) -> bool:
    """Keep a former name for this key, by a row that is over; False if the job was staged, or kept,
    under it before.
    """
    row = execute(
        "INSERT INTO staged_job (name, key, args, queue, state, attempts, claim, max_attempts,"
        " due_at, created_at, finished_at, last_error) VALUES (?, ?, ?, ?, 'cancelled', 0, 0, ?,"
        " {now}, {now}, {now}, ?) ON CONFLICT (name, key) DO NOTHING RETURNING id",
        (name, key, arguments, queue, max_attempts, f"staged as {present}"),
    ).fetchone()
    return row is not None


def find_staged(name: str, key: str) -> StagedJob | None:
    """The row of a job that was staged with this key, under whichever of its names."""
    return StagedJob.get_or_none(
        (StagedJob.name == staged_name(name, key)) & (StagedJob.key == key)
    )


def claim_job(
    job_id: int, worker: str, early: bool = False, undisputed_in: str = ""
) -> Claimed | None:
    """Take the job if it is waiting and due (or `early`): one statement, so that only one of many
    can. `undisputed_in`: only if it waits in this queue, and nobody else's work does.
    """
    if not undisputed_in:
        return claim_where(worker, "id = ?", (job_id,), early)
    return claim_where(worker, f"id = ? AND queue = ? AND {_NOBODY_ELSE}", (job_id, undisputed_in))


def claim_where(
    worker: str, which: str, params: tuple[Any, ...], early: bool = False
) -> Claimed | None:
    """As `claim_job`, for the one job that the condition `which` finds.

    On SQLite it waits for no disk: a claim that a loss of power undoes has had no effect, for
    whatever an attempt does first, it records, and that brings the claim to the disk too; and those
    who held it are gone with the machine.
    """
    due = "" if early else "AND due_at <= {now} "
    settings = get_settings()
    lease = settings.shortened(LEASE, settings.payphone_lease)
    with without_sync():
        row = execute(
            "UPDATE staged_job SET state = 'running', claim = claim + 1, attempts = attempts + 1,"
            f" lease_until = {{now}} + ?, worker = ?, wanted_again = NULL WHERE {which} AND state ="
            " 'waiting' "
            + due
            + "AND attempts < max_attempts RETURNING id, name, args, queue, claim,"
            " attempts, max_attempts, request_id, fair_to",
            (int(lease * _SECOND), worker, *params),
        ).fetchone()
    if row is None:
        return None
    return Claimed(row[0], row[1], json.loads(row[2]), *row[3:])


def finish_job(job: Claimed) -> bool:
    """Mark the attempt's job done, or waiting if it was staged again meanwhile; False when another
    attempt has the claim.
    """
    sets = (
        f"state = CASE WHEN {_AGAIN} THEN 'waiting' ELSE 'done' END, finished_at = CASE WHEN"
        f" {_AGAIN} THEN NULL ELSE {{now}} END, attempts = CASE WHEN {_AGAIN} THEN 0 ELSE attempts"
        f" END, due_at = CASE WHEN {_AGAIN} THEN {{now}} ELSE due_at END, pushed_at = CASE WHEN"
        f" {_AGAIN} THEN NULL ELSE pushed_at END, lease_until = NULL, last_error = NULL"
    )
    return _settle(job, sets, ())


def fail_job(job: Claimed, error: str, delay: float) -> bool:
    """Give the job back, due in `delay` seconds, or mark it dead when its attempts are used up."""
    return _settle(job, _GIVEN_BACK, (int(delay * _SECOND), error))


def snooze_job(job: Claimed, reason: str, delay: float) -> bool:
    """Give the job back without using up an attempt."""
    sets = (
        "state = 'waiting', attempts = attempts - 1, due_at = {now} + ?, lease_until = NULL,"
        " pushed_at = NULL, last_error = ?"
    )
    return _settle(job, sets, (int(delay * _SECOND), reason))


def _settle(job: Claimed, sets: str, params: tuple[Any, ...]) -> bool:
    fenced = "WHERE id = ? AND claim = ? AND state = 'running'"
    return bool(
        execute(f"UPDATE staged_job SET {sets} {fenced}", (*params, job.id, job.claim)).rowcount
    )


def replay_job(job_id: int, delay: float = 0.0) -> bool:
    """Run a dead job again from its first attempt, with the same arguments and key, due in `delay`
    seconds.
    """
    sets = (
        "state = 'waiting', attempts = 0, due_at = {now} + ?, pushed_at = NULL, finished_at = NULL"
    )
    return bool(
        execute(
            f"UPDATE staged_job SET {sets} WHERE id = ? AND state = 'dead'",
            (int(delay * _SECOND), job_id),
        ).rowcount
    )


def revive_job(name: str, key: str, delay: float) -> bool:
    """Run a finished job again, however it ended, from its first attempt,
    due in `delay` seconds.
    """
    sets = (
        "state = 'waiting', attempts = 0, due_at = {now} + ?, pushed_at = NULL, finished_at = NULL,"
        " last_error = NULL"
    )
    over = "name = ? AND key = ? AND state IN ('done', 'dead', 'cancelled')"
    return bool(
        execute(
            f"UPDATE staged_job SET {sets} WHERE {over}",
            (int(delay * _SECOND), staged_name(name, key), key),
        ).rowcount
    )


def reserve_due(name: str, key: str, delay: float) -> bool:
    """Keep a job that waits and is due from the workers for `delay` seconds, for the caller to
    claim early; False if it is not due.
    """
    due = "name = ? AND key = ? AND state = 'waiting' AND due_at <= {now}"
    return bool(
        execute(
            f"UPDATE staged_job SET due_at = {{now}} + ?, pushed_at = NULL WHERE {due}",
            (int(delay * _SECOND), staged_name(name, key), key),
        ).rowcount
    )


def want_again(name: str, key: str, delay: float) -> None:
    """Let a job that is over run again in `delay` seconds, and one that runs once more when its
    attempt is over.

    One that waits is touched too, so that no attempt begins before the caller's rows are there for
    it to see.
    """
    over = "state IN ('done', 'dead', 'cancelled')"
    changes = {
        "attempts": "0",
        "due_at": "{now} + ?",
        "pushed_at": "NULL",
        "finished_at": "NULL",
        "last_error": "NULL",
        "state": "'waiting'",
    }
    sets = ", ".join(
        f"{column} = CASE WHEN {over} THEN {value} ELSE {column} END"
        for column, value in changes.items()
    )
    execute(
        f"UPDATE staged_job SET wanted_again = 1, {sets} WHERE name = ? AND key = ?",
        (int(delay * _SECOND), staged_name(name, key), key),
    )


def move_to(queue: str, name: str, key: str) -> bool:
    """Move a job that waits in another queue to this one; the relay pushes it there."""
    elsewhere = "name = ? AND key = ? AND state = 'waiting' AND queue <> ?"
    return bool(
        execute(
            f"UPDATE staged_job SET queue = ?, pushed_at = NULL WHERE {elsewhere}",
            (queue, staged_name(name, key), key, queue),
        ).rowcount
    )


def reschedule(
    which: str, params: tuple[Any, ...], delay: float = 0.0, turns: int = 1, apart: float = 0.0
) -> int:
    """Let the waiting jobs that the condition `which` finds be due in `delay` seconds; how many. Of
    `turns`, by id, each is `apart` seconds after the last.
    """
    sets = "due_at = {now} + ? + (id - id / ? * ?) * ?, pushed_at = NULL"
    given = int(delay * _SECOND), turns, turns, int(apart * _SECOND), *params
    return int(
        execute(f"UPDATE staged_job SET {sets} WHERE state = 'waiting' AND {which}", given).rowcount
    )


def cancel_jobs(name: str, keys: Sequence[str]) -> None:
    """Cancel those of the jobs that wait; one that runs is left to its attempt."""
    over = "state = 'cancelled', finished_at = {now}, last_error = NULL"
    names = names_of(name)
    which = (
        f"name IN ({', '.join('?' for _ in names)}) AND state = 'waiting'"
        f" AND key IN ({', '.join('?' for _ in keys)})"
    )
    execute(f"UPDATE staged_job SET {over} WHERE {which}", (*names, *keys))


def take_due(limit: int, epoch: int, lost_before: dict[str, int]) -> list[Pushable]:
    """Mark up to `limit` due jobs as pushed now, and answer them: those never pushed, pushed into a
    Redis emptied since `epoch`, or pushed before `lost_before[queue]` (microseconds) and never
    claimed.
    """
    lost = " OR ".join("(queue = ? AND pushed_at < ?)" for _ in lost_before) or "1 = 0"
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres() else ""
    with without_sync():  # a mark that is lost is made again; what is pushed twice is claimed once
        rows = execute(
            "UPDATE staged_job SET pushed_at = {now} WHERE id IN (SELECT id FROM staged_job WHERE"
            " state = 'waiting' AND due_at <= {now} AND attempts < max_attempts AND (pushed_at IS"
            f" NULL OR pushed_at < ? OR {lost}) ORDER BY due_at LIMIT ? {lock}) AND state ="
            " 'waiting' RETURNING id, name, queue",
            (epoch, *(value for pair in lost_before.items() for value in pair), limit),
        ).fetchall()
    return [Pushable(*row) for row in sorted(rows)]


def release_expired() -> list[Released]:
    """Take back jobs whose leases expired; those without attempts left are dead."""
    return _release("lease_until < {now}", "lease expired: the worker died or was frozen", ())


def release_worker(worker: str) -> list[Released]:
    """Take back the jobs of a worker that is known to be dead."""
    return _release("worker = ?", "worker died", (worker,))


def _release(which: str, error: str, params: tuple[Any, ...]) -> list[Released]:
    sql = (
        f"UPDATE staged_job SET {_GIVEN_BACK} WHERE state = 'running' AND {which} RETURNING id,"
        " name, queue, state"
    )
    rows = execute(sql, (0, error, *params)).fetchall()
    return [Released(*row) for row in rows]
