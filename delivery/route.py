"""Which queue a job is pushed into: its own, or another one while no worker serves that.

A pool with the `WORKERS` setting of an older release has no interactive worker. The rows still say
`interactive`; only their ids go into another queue, ahead of what waits there.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from redis import Redis

from delivery.rq.keys import queue_key, workers_key
from delivery.rq.odd_keys import ENDLESS
from models.delivery.staged_job import Pushable
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE

# A worker that has been silent for longer does not count. It sends a heartbeat every few seconds,
# but not while it performs a job, which in this queue may take 20 s and 3 s of grace.
SILENT = 30.0
RENEWED_FOR = 90  # seconds until a worker's key expires; a test compares it with the worker's
AT_ONCE = 500  # stranded ids moved in one look


def detours(redis: Redis) -> dict[str, str]:
    """Map each queue that no worker serves to the queue that its jobs are pushed into instead."""
    return {} if _is_served(redis, INTERACTIVE) else {INTERACTIVE: INSTEAD_OF_INTERACTIVE}


def _is_served(redis: Redis, queue: str) -> bool:
    """Whether a worker of the queue has sent a heartbeat within `SILENT` seconds.

    RQ lists a killed worker until its key expires; the key's remaining time to live shows when it
    was last renewed.
    """
    known = cast("set[bytes]", redis.smembers(workers_key(queue)))
    if not known:
        return False
    with redis.pipeline(transaction=False) as pipe:
        for worker in known:
            pipe.ttl(worker)
        left = pipe.execute()
    return any(seconds == ENDLESS or seconds > RENEWED_FOR - SILENT for seconds in left)


def nudged(redis: Redis, jobs: list[Pushable]) -> list[Pushable]:
    """The jobs with the queues that they are pushed into.

    Redis is queried only if an interactive job is among them.
    """
    matters = any(job.queue == INTERACTIVE for job in jobs)
    return routed(jobs, detours(redis)) if matters else jobs


def routed(jobs: Iterable[Pushable], by: dict[str, str]) -> list[Pushable]:
    """The jobs with the queues that they are pushed into, given the detours `by`."""
    return [
        replace(job, queue=by[job.queue], ahead=True) if job.queue in by else job for job in jobs
    ]


def carry_over(redis: Redis, by: dict[str, str]) -> None:
    """Move the ids that were pushed into a queue before its last worker left."""
    for queue, instead in by.items():
        with redis.pipeline(transaction=False) as pipe:
            for _ in range(min(redis.llen(queue_key(queue)), AT_ONCE)):
                pipe.lmove(queue_key(queue), queue_key(instead), "RIGHT", "LEFT")
            pipe.execute()
