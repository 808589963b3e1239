"""Staging: a job is a row written in the caller's transaction, and is nudged into RQ after the
commit.

Code on any floor can stage a job by its name. The policy is declared with the job: the registry
passes it to this module, and `delivery.nudge` defines how a job is pushed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog.contextvars import get_contextvars

from models.delivery.staged_job import NewJob, Pushable, insert_jobs, move_to, request_rerun
from models.transactions import after_commit, database
from runtime.settings import QUEUES


@dataclass(frozen=True, slots=True)
class Policy:
    """What a job's row takes from its type: the queue, and the maximum number of attempts."""

    queue: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Nudge:
    """How a committed job is pushed into RQ before the relay finds it, and whether it would be."""

    is_open: Callable[[], bool]
    push: Callable[[list[Pushable]], None]


_policies: dict[str, Policy] = {}
_nudges: list[Nudge] = []  # one at most; without one, the relay pushes every job


def register_policy(name: str, policy: Policy) -> None:
    """Allow jobs called `name` to be staged."""
    _policies[name] = policy


def use_nudge(nudge: Nudge) -> None:
    """Use `nudge` to push due jobs after their commit."""
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
    """Stage the job `name`, due in `delay` seconds.

    Returns its row's id, or None if name and key were staged before. Arguments are ids, numbers or
    short words, never personal data. `fair_to` is the account, or `account/endpoint`, whose work it
    is; they take turns. `queue` overrides the job's own queue, e.g. `INTERACTIVE` when a person
    waits for the result. Without `nudged`, the job is left to the relay.

    Requires an open transaction: the job exists if and only if the caller's rows do. Raises
    RuntimeError without one, KeyError for an unknown job, ValueError for an unknown queue.
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
    """Stage several jobs called `name` as `stage` does, in one statement."""
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
    """Stage the job, or make the one staged before under this key run again.

    Returns whether it is new. A finished job runs again after the delay; a running one once more
    when its attempt is over. `queue`, if given, becomes the row's queue.
    """
    if stage(name, key, *args, fair_to=fair_to, queue=queue, delay=delay) is not None:
        return True
    request_rerun(name, str(key), delay)
    if queue:
        move_to(queue, name, str(key))
    return False
