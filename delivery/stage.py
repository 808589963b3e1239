"""Staging: a job is written in the caller's transaction, and nudged into RQ after the commit."""

from structlog.contextvars import get_contextvars

from delivery import nudge
from delivery.registry import JobType, find_job
from models.base import after_commit
from models.staged_job import Pushable, insert_job


def stage(job: JobType, key: str | int, *args: str | int, delay: float = 0.0) -> int | None:
    """Stage `job`, due in `delay` seconds. Its row's id, or None when name and key were staged before.

    Arguments are ids only. Needs an open transaction: the job exists if and only if the caller's rows do.
    """
    pushing = delay <= 0 and nudge.is_open()
    job_id = insert_job(job.name, str(key), args, job.queue, job.attempts, delay, pushing, get_contextvars().get("request_id"))
    if job_id is not None and pushing:
        pushable = Pushable(job_id, job.name, job.queue, 0)
        after_commit(lambda: nudge.push(pushable))
    return job_id


def stage_named(name: str, key: str | int, *args: str | int) -> int | None:
    """Stage the job called `name`, for floors below the jobs. Raises KeyError when there is no such job."""
    found = find_job(name)
    if found is None:
        raise KeyError(f"There is no job {name}; is its room imported?")
    return stage(found, key, *args)
