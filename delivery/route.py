"""Which queue a job is pushed into: its own, or another one while nobody serves that.

A pool with the `WORKERS` of an older release has no worker for what people wait for. Its rows say
`interactive` all the same; only their ids are carried elsewhere, ahead of what waits there.
"""

from collections.abc import Iterable
from dataclasses import replace

from redis import Redis

from delivery.rq_keys import queue_key
from delivery.rq_mend import live_workers
from models.delivery.staged_job import Pushable
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE

AT_ONCE = 500  # stranded ids that are carried over in one look


def detours(redis: Redis) -> dict[str, str]:
    """For a queue that nobody serves, the one that its jobs are pushed into instead."""
    if live_workers(redis, (INTERACTIVE,))[INTERACTIVE]:
        return {}
    return {INTERACTIVE: INSTEAD_OF_INTERACTIVE}


def nudged(redis: Redis, job: Pushable) -> Pushable:
    """The job with the queue that it is pushed into. Redis is asked only where it matters."""
    return job if job.queue != INTERACTIVE else routed([job], detours(redis))[0]


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
