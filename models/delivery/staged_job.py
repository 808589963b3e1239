"""The job table. The database decides which jobs are due; RQ only transports their ids.

State goes `waiting → running → done | dead | cancelled`. `claim` only grows: it is the fencing
token that every later write of an attempt carries. Staging a job again while it runs sets
`wanted_again`, a delay in milliseconds: however that attempt ends, the job waits for another one,
which sees what this one may have missed. All times come from the database's own clock. The SQL is
fixed text, because every job takes this path.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from peewee import SQL, BigAutoField, BigIntegerField, IntegerField, TextField, fn

from models.base import Row
from models.delivery.job_names import names_of, staged_name
from models.transactions import execute, insert_new, is_postgres, without_sync

SECOND = 1_000_000  # microseconds
STATES = "waiting", "running", "done", "dead", "cancelled"
_NEW = "(?, ?, ?, ?, 'waiting', 0, 0, ?, {now} + ?, ?, ?, {now}, {now})"
_NEW_UNPUSHED = "(?, ?, ?, ?, 'waiting', 0, 0, ?, {now} + ?, ?, ?, {now}, NULL)"


class StagedJob(Row):
    """A job. Name and key are unique together. Times are microseconds of the database's clock.

    `fair_to` is the account, or `account/endpoint`, whose work it is; empty if it is no account's.
    They take turns within a queue (`models.delivery.turns`).
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

    @classmethod
    def latest(cls, name: str) -> Self | None:
        """The job of this name that was staged last, in any state, or None."""
        in_state = "SELECT max(id) AS id FROM staged_job WHERE state = ? AND name = ?"
        each = " UNION ALL ".join([in_state] * len(STATES))
        given = [value for state in STATES for value in (state, name)]
        return cls.one(f"id = (SELECT max(id) FROM ({each}) AS latest)", *given)


StagedJob.add_index(
    StagedJob.index(
        StagedJob.queue, StagedJob.due_at, where=SQL("state = 'waiting'"), name="staged_job_waiting"
    )
)
# jobs pushed into RQ but not begun, by `fair_to`; a job that is put off or begun leaves this index
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
        StagedJob.state,
        StagedJob.name,
        StagedJob.attempts,
        where=SQL("state = 'waiting' AND attempts > 0"),
        name="staged_job_failed_before",
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
class Pushable:
    """What RQ needs to know of a due job. `ahead`: push it to the head of the queue."""

    id: int
    name: str
    queue: str
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class NewJob:
    """What distinguishes a new job from others of its name.

    `fair_to` is whose work it is; `request_id` is the request that caused it.
    """

    key: str
    args: Sequence[Any]
    fair_to: str = ""
    request_id: str | None = None

    @property
    def arguments(self) -> str:
        """The arguments as JSON, as stored in the row."""
        return json.dumps(list(self.args))


def insert_jobs(
    name: str, new: Sequence[NewJob], queue: str, max_attempts: int, delay: float, *, pushed: bool
) -> list[int | None]:
    """Insert waiting jobs, due in `delay` seconds, in one statement.

    Returns the id of each, or None if name and key exist already. A renamed job is staged once
    under all its names, even while processes of the old release, which know only one of them, stage
    it too: its former names are reserved for the key first. The process that first reserves a
    former name, or stages under it, leaves the others nothing to insert.
    """
    name, *former = names_of(name)
    wanted = [
        job
        for job in new
        if all(_reserve_name(other, job, queue, max_attempts, name) for other in former)
    ]
    if not wanted:
        return [None] * len(new)
    rows = ", ".join([_NEW if pushed else _NEW_UNPUSHED] * len(wanted))
    due_in = int(delay * SECOND)
    values = [
        (name, job.key, job.arguments, queue, max_attempts, due_in, job.request_id, job.fair_to)
        for job in wanted
    ]
    ids = insert_new(
        "staged_job",
        "INSERT INTO staged_job (name, key, args, queue, state, attempts, claim, max_attempts,"
        f" due_at, request_id, fair_to, created_at, pushed_at) VALUES {rows}"
        " ON CONFLICT (name, key) DO NOTHING",
        list(chain.from_iterable(values)),
        "key",
        [(job.key,) for job in wanted],
    )
    found = dict(zip((id(job) for job in wanted), ids, strict=True))
    return [found.get(id(job)) for job in new]


def _reserve_name(name: str, job: NewJob, queue: str, max_attempts: int, present: str) -> bool:
    """Reserve a former name for this key with a row that is already cancelled.

    Returns False if the job was staged, or the name reserved, before.
    """
    row = execute(
        "INSERT INTO staged_job (name, key, args, queue, state, attempts, claim, max_attempts,"
        " due_at, created_at, finished_at, last_error) VALUES (?, ?, ?, ?, 'cancelled', 0, 0, ?,"
        " {now}, {now}, {now}, ?) ON CONFLICT (name, key) DO NOTHING RETURNING id",
        (name, job.key, job.arguments, queue, max_attempts, f"staged as {present}"),
    ).fetchone()
    return row is not None


def find_staged(name: str, key: str) -> StagedJob | None:
    """The row of the job staged with this key under any of its names, or None."""
    return StagedJob.get_or_none(
        (StagedJob.name == staged_name(name, key)) & (StagedJob.key == key)
    )


def was_staged(name: str, key: Any) -> Any:
    """The condition that a job was staged with this key under any of its names.

    The key is an expression over the outer query's columns.
    """
    named = StagedJob.name.in_(names_of(name))
    return fn.EXISTS(StagedJob.select(SQL("1")).where(named, StagedJob.key == key))


def replay_job(job_id: int, delay: float = 0.0) -> bool:
    """Run a dead job again from its first attempt, with the same arguments and key, due in `delay`
    seconds. Returns False if it is not dead.
    """
    sets = (
        "state = 'waiting', attempts = 0, due_at = {now} + ?, pushed_at = NULL, finished_at = NULL"
    )
    return bool(
        execute(
            f"UPDATE staged_job SET {sets} WHERE id = ? AND state = 'dead'",
            (int(delay * SECOND), job_id),
        ).rowcount
    )


def revive_job(name: str, key: str, delay: float) -> bool:
    """Run a finished job again, however it ended, from its first attempt, due in `delay` seconds.

    Returns False if there is no such job.
    """
    sets = (
        "state = 'waiting', attempts = 0, due_at = {now} + ?, pushed_at = NULL, finished_at = NULL,"
        " last_error = NULL"
    )
    over = "name = ? AND key = ? AND state IN ('done', 'dead', 'cancelled')"
    return bool(
        execute(
            f"UPDATE staged_job SET {sets} WHERE {over}",
            (int(delay * SECOND), staged_name(name, key), key),
        ).rowcount
    )


def reserve_due(name: str, key: str, delay: float) -> bool:
    """Keep a waiting, due job from the workers for `delay` seconds, so that the caller can claim it
    early. Returns False if it is not due.
    """
    due = "name = ? AND key = ? AND state = 'waiting' AND due_at <= {now}"
    return bool(
        execute(
            f"UPDATE staged_job SET due_at = {{now}} + ?, pushed_at = NULL WHERE {due}",
            (int(delay * SECOND), staged_name(name, key), key),
        ).rowcount
    )


def request_rerun(name: str, key: str, delay: float) -> None:
    """Run a finished job again in `delay` seconds, and a running one `delay` seconds after its
    attempt is over. The shortest requested delay counts.

    A waiting job's row is written too, so that no attempt begins before the caller's commit, i.e.
    without seeing its rows.
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
    soonest = "CASE WHEN wanted_again < ? THEN wanted_again ELSE ? END"
    millis = int(delay * 1000)
    execute(
        f"UPDATE staged_job SET wanted_again = {soonest}, {sets} WHERE name = ? AND key = ?",
        (millis, millis, int(delay * SECOND), staged_name(name, key), key),
    )


def request_rerun_of_running(which: str, params: tuple[Any, ...]) -> None:
    """Make the running jobs that match `which` run once more as soon as their attempts are over:
    the decision to put them off may predate the caller's rows.

    Waiting jobs are written too, so that none begins before the caller's commit. A caller that also
    reschedules those must do so after this, so that an attempt that ends in between is caught by
    one of the two.
    """
    execute(
        "UPDATE staged_job SET wanted_again = 0 WHERE state IN ('waiting', 'running') AND"
        f" ({which})",
        params,
    )


def move_to(queue: str, name: str, key: str) -> bool:
    """Move a job that waits in another queue to this one, and return whether it did.

    The relay pushes it there.
    """
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
    """Make the waiting jobs that match `which` due in `delay` seconds, and return how many.

    They are spread by id over `turns` slots, which are `apart` seconds apart.
    """
    sets = "due_at = {now} + ? + (id - id / ? * ?) * ?, pushed_at = NULL"
    given = int(delay * SECOND), turns, turns, int(apart * SECOND), *params
    return int(
        execute(f"UPDATE staged_job SET {sets} WHERE state = 'waiting' AND {which}", given).rowcount
    )


def cancel_jobs(name: str, keys: Sequence[str]) -> None:
    """Cancel those of the jobs that wait. A running one is left to its attempt."""
    over = "state = 'cancelled', finished_at = {now}, last_error = NULL"
    names = names_of(name)
    which = (
        f"name IN ({', '.join('?' for _ in names)}) AND state = 'waiting'"
        f" AND key IN ({', '.join('?' for _ in keys)})"
    )
    execute(f"UPDATE staged_job SET {over} WHERE {which}", (*names, *keys))


def take_due(limit: int, epoch: int, lost_before: dict[str, int]) -> list[Pushable]:
    """Mark up to `limit` due jobs as pushed now, and return them.

    These are jobs that were never pushed, were pushed into a Redis before it was emptied at
    `epoch`, or were pushed before `lost_before[queue]` and never claimed (all in microseconds).
    """
    lost = " OR ".join("(queue = ? AND pushed_at < ?)" for _ in lost_before) or "1 = 0"
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres() else ""
    with without_sync():  # a lost mark is made again; a job pushed twice is claimed once
        rows = execute(
            "UPDATE staged_job SET pushed_at = {now} WHERE id IN (SELECT id FROM staged_job WHERE"
            " state = 'waiting' AND due_at <= {now} AND attempts < max_attempts AND (pushed_at IS"
            f" NULL OR pushed_at < ? OR {lost}) ORDER BY due_at LIMIT ? {lock}) AND state ="
            " 'waiting' RETURNING id, name, queue",
            (epoch, *(value for pair in lost_before.items() for value in pair), limit),
        ).fetchall()
    return [Pushable(*row) for row in sorted(rows)]
