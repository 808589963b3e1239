"""Staging: a job is written in the caller's transaction, and nudged into RQ after the commit."""

from structlog.contextvars import get_contextvars

from delivery import nudge
from delivery.registry import JobType, find_job
from models.base import after_commit, database
from models.delivery.staged_job import Pushable, insert_job, want_again


def stage(job: JobType, key: str | int, *args: str | int, delay: float = 0.0) -> int | None:
    """Stage `job`, due in `delay` seconds. Its row's id, or None when name and key were staged
    before.

    Arguments are ids, numbers or short words, never personal data. Needs an open transaction: the
    job exists if and only if the caller's rows do.
    """
    if not database.in_transaction():
        raise RuntimeError(
            f"{job.name} is staged outside a transaction: it could outlive, or miss, the rows it is"
            " about"
        )
    pushing = delay <= 0 and nudge.is_open()
    job_id = insert_job(
        job.name,
        str(key),
        args,
        job.queue,
        job.attempts,
        delay,
        pushing,
        get_contextvars().get("request_id"),
    )
    if job_id is not None and pushing:
        pushable = Pushable(job_id, job.name, job.queue)
        after_commit(lambda: nudge.push(pushable))
    return job_id


def stage_again(job: JobType, key: str | int, *args: str | int, delay: float = 0.0) -> bool:
    """Stage `job`, due in `delay` seconds, or let the one staged under this key before run again;
    whether it was staged first now.

    One that is over runs again after the delay, one that runs just now once more when that attempt
    is over.
    """
    if stage(job, key, *args, delay=delay) is not None:
        return True
    want_again(job.name, str(key), delay)
    return False


def stage_named(name: str, key: str | int, *args: str | int) -> None:
    """Stage the job called `name`, or let it run again, for floors below the jobs. Raises KeyError
    when there is no such job.
    """
    found = find_job(name)
    if found is None:
        raise KeyError(f"There is no job {name}; is its room imported?")
    stage_again(found, key, *args)
