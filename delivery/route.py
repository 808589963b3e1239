"""Which queue a job is pushed into: its own, or another one while nobody serves that.

A pool with the `WORKERS` of an older release has no worker for what people wait for. Its rows say
`interactive` all the same; only their ids are carried elsewhere, ahead of what waits there.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from redis import Redis

from delivery.rq.keys import queue_key, workers_key
from delivery.rq.odd_keys import ENDLESS
from models.delivery.staged_job import Pushable
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE

# A worker that has been silent for longer is not waited for: it beats every few seconds, but not
# while it performs a job, and a job of this queue may take 20 s and 3 s of grace.
SILENT = 30.0
RENEWED_FOR = 90  # seconds for which a worker renews its key; a test holds it to the worker's
AT_ONCE = 500  # stranded ids that are carried over in one look


def detours(redis: Redis) -> dict[str, str]:
    """For a queue that nobody serves, the one that its jobs are pushed into instead."""
    return {} if _is_served(redis, INTERACTIVE) else {INTERACTIVE: INSTEAD_OF_INTERACTIVE}


def _is_served(redis: Redis, queue: str) -> bool:
    """Whether a worker of the queue has been heard of. RQ lists one that was killed until its key
    expires; how long ago it was renewed shows in what is left of that time.
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
    """The jobs with the queues that they are pushed into. Redis is asked only where it matters."""
    matters = any(job.queue == INTERACTIVE for job in jobs)
    return routed(jobs, detours(redis)) if matters else jobs


def routed(jobs: Iterable[Pushable], by: dict[str, str]) -> list[Pushable]:
    """The jobs with the queues that they are pushed into."""
    return [
        replace(job, queue=by[job.queue], ahead=True) if job.queue in by else job for job in jobs
    ]


def carry_over(redis: Redis, by: dict[str, str]) -> None:
    """Carry over the ids that were pushed into a queue before its last worker left."""
    for queue, instead in by.items():
        with redis.pipeline(transaction=False) as pipe:
            for _ in range(min(redis.llen(queue_key(queue)), AT_ONCE)):
                pipe.lmove(queue_key(queue), queue_key(instead), "RIGHT", "LEFT")
            pipe.execute()
