"""Which queue a job is pushed into: its own, or another one while nobody serves that.

A pool with the `WORKERS` of an older release has no worker for what people wait for. Its rows say
`interactive` all the same; only their ids are carried elsewhere, ahead of what waits there: links
and texts where their jobs wait otherwise, everything else to `webhooks`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from redis import Redis

from delivery.registry import find_job
from delivery.rq_keys import queue_key
from delivery.rq_mend import live_workers
from models.delivery.staged_job import Pushable
from runtime.settings import INSTEAD_OF_INTERACTIVE, INTERACTIVE

AT_ONCE = 500  # stranded ids that are carried over in one look


def is_served(redis: Redis) -> bool:
    """Whether anybody serves the queue of what people wait for."""
    return bool(live_workers(redis, (INTERACTIVE,))[INTERACTIVE])


def routed(jobs: Iterable[Pushable], served: bool) -> list[Pushable]:
    """The jobs with the queues that they are pushed into."""
    return [
        job
        if served or job.queue != INTERACTIVE
        else replace(job, queue=detour(job.name), ahead=True)
        for job in jobs
    ]


def nudged(redis: Redis, job: Pushable) -> Pushable:
    """One job with the queue that it is pushed into. Redis is asked only where it matters."""
    return job if job.queue != INTERACTIVE else routed([job], is_served(redis))[0]


def detour(name: str) -> str:
    """Where a job of this name goes instead."""
    known = find_job(name)
    return (
        known.queue
        if known and known.queue in INSTEAD_OF_INTERACTIVE
        else INSTEAD_OF_INTERACTIVE[0]
    )


def carry_over(redis: Redis) -> None:
    """Carry over the ids that were pushed into the queue before its last worker left."""
    queue = queue_key(INTERACTIVE)
    stranded = cast("list[Any]", redis.lrange(queue, -AT_ONCE, -1))
    with redis.pipeline(transaction=True) as pipe:
        for identity in reversed(stranded):
            name = identity.decode("utf-8", "replace").rpartition("-")[0]
            pipe.lrem(queue, 1, identity)
            pipe.lpush(queue_key(detour(name)), identity)
        pipe.execute()
