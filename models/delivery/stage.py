"""Staging: a job is a row of the caller's transaction, and is nudged into RQ after the commit.

Any floor stages a job by its name. Its policy stays with the job: the registry tells it to this
module, and `delivery.nudge` says how a job is pushed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog.contextvars import get_contextvars

from models.delivery.staged_job import NewJob, Pushable, insert_jobs, move_to, want_again
from models.transactions import after_commit, database
from runtime.settings import QUEUES


@dataclass(frozen=True, slots=True)
class Policy:
    """What a row says of its job: where it waits, and how often it is tried."""

    queue: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Nudge:
    """How a committed job reaches RQ before the relay finds it, and whether that would be tried."""

    is_open: Callable[[], bool]
    push: Callable[[list[Pushable]], None]


_policies: dict[str, Policy] = {}
_nudges: list[Nudge] = []  # one at most; without one, the relay carries every job


def allow(name: str, policy: Policy) -> None:
    """Let jobs called `name` be staged."""
    _policies[name] = policy


def use_nudge(nudge: Nudge) -> None:
    """Push by `nudge` what is committed and due."""
    _nudges[:] = [nudge]


def stage(
    name: str,
    key: str | int,
    *args: str | int,
    fair_to: str = "",
    queue: str = "",
    delay: float = 0.0,
    nudged: bool = True,
) -> int | None:
    """Stage the job called `name`, due in `delay` seconds. Its row's id, or None when name and key
    were staged before.

    Arguments are ids, numbers or short words, never personal data. `fair_to` is whose work it is:
    an account, or `account/endpoint`; they take turns. `queue`: another one than the job's own, as
    `INTERACTIVE` where a person waits for it. Needs an open transaction: the job exists if and only
    if the caller's rows do. One that is not `nudged` is left to the relay. Raises KeyError for a
    name that no job has.
    """
    new = NewJob(str(key), args, fair_to, get_contextvars().get("request_id"))
    return stage_all(name, [new], queue=queue, delay=delay, nudged=nudged)[0]


def stage_all(
    name: str,
    new: Sequence[NewJob],
    *,
    queue: str = "",
    delay: float = 0.0,
    nudged: bool = True,
) -> list[int | None]:
    """Stage several jobs called `name` as `stage` does, by one statement."""
    policy = _policies[name]
    if queue and queue not in QUEUES:
        raise ValueError(f"{name} is staged in queue {queue!r}; there are {', '.join(QUEUES)}.")
    if not database.in_transaction():
        raise RuntimeError(
            f"{name} is staged outside a transaction: it could outlive, or miss, the rows it is"
            " about"
        )
    nudge = next((one for one in _nudges if nudged and delay <= 0 and one.is_open()), None)
    queue = queue or policy.queue
    ids = insert_jobs(name, new, queue, policy.attempts, delay, pushed=nudge is not None)
    staged = [Pushable(job_id, name, queue) for job_id in ids if job_id is not None]
    if staged and nudge is not None:
        after_commit(nudge.push, *staged)
    return ids


def stage_again(
    name: str,
    key: str | int,
    *args: str | int,
    fair_to: str = "",
    queue: str = "",
    delay: float = 0.0,
) -> bool:
    """Stage the job, or let the one staged under this key before run again; whether it was staged
    first now.

    One that is over runs again after the delay, one that runs just now once more when that attempt
    is over. A `queue` that is given is the row's from now on.
    """
    if stage(name, key, *args, fair_to=fair_to, queue=queue, delay=delay) is not None:
        return True
    want_again(name, str(key), delay)
    if queue:
        move_to(queue, name, str(key))
    return False
