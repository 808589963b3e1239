"""Correct RQ's view where it disagrees with the rows, after workers died, Redis was emptied, or
another program wrote into it.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import cast

from redis import Redis
from rq.utils import utcformat

from delivery.rq.keys import (
    FAILURE_TTL,
    STARTED_TTL,
    WORKERS_KEY,
    ended_key,
    execution_key,
    executions_key,
    job_hash,
    job_key,
    rq_id,
    wip_key,
    workers_key,
)
from delivery.rq.view import conclude, forget
from models.delivery.attempt import Released
from runtime.clock import real_now

_SHOWABLE = re.compile(r"[A-Za-z0-9_-]{1,100}")  # what RQ accepts as an id
# RQ's status for the final state of a row
_STATUS = {"done": "finished", "cancelled": "finished", "dead": "failed"}


def live_workers(redis: Redis, queues: Iterable[str]) -> dict[str, int]:
    """How many workers of each queue have a live heartbeat.

    Killed workers stay in RQ's sets, but do not count.
    """
    return {
        queue: len(known) - len(silent)
        for queue, (known, silent) in _workers(redis, queues).items()
    }


def remove_silent_workers(redis: Redis, queues: Iterable[str]) -> None:
    """Remove expired workers from RQ's sets, because a killed worker cannot do that itself."""
    silent = {queue: names for queue, (_, names) in _workers(redis, queues).items() if names}
    if silent:
        with redis.pipeline(transaction=True) as pipe:
            for queue, names in silent.items():
                pipe.srem(WORKERS_KEY, *names)
                pipe.srem(workers_key(queue), *names)
            pipe.execute()


def _workers(redis: Redis, queues: Iterable[str]) -> dict[str, tuple[list[bytes], list[bytes]]]:
    """For each queue, the worker keys that RQ lists, and those of them that have expired."""
    names = list(queues)
    with redis.pipeline(transaction=False) as pipe:
        for queue in names:
            pipe.smembers(workers_key(queue))
        known = [list(members) for members in pipe.execute()]
        for members in known:
            for member in members:
                pipe.exists(member)
        lives = iter(pipe.execute())
    return {
        queue: (members, [member for member in members if not next(lives)])
        for queue, members in zip(names, known, strict=True)
    }


def abandon(redis: Redis, released: Iterable[Released]) -> None:
    """Remove the attempts of dead workers from RQ's started attempts.

    A job that is now dead is shown as failed.
    """
    for job in released:
        identity = rq_id(job.name, job.id)
        now = real_now()
        with redis.pipeline(transaction=True) as pipe:
            for execution in cast(list[bytes], redis.zrange(executions_key(identity), 0, -1)):
                forget(pipe, job.queue, identity, execution.decode("utf-8", "replace"))
            if job.state == "dead":
                pipe.hset(
                    job_key(identity), mapping=job_hash(job.name, job.id, job.queue, utcformat(now))
                )
                pipe.hset(
                    job_key(identity), "meta", json.dumps({"nextAttemptAt": None, "dead": True})
                )
                conclude(pipe, job.queue, identity, "failed", now)
            pipe.execute()


def long_started(redis: Redis, queues: Iterable[str], seconds: float) -> list[tuple[str, str]]:
    """(queue, member) of every attempt that RQ has shown as started for more than `seconds`."""
    # RQ scores a started attempt by when it expires, not by when it began.
    oldest = real_now().timestamp() - seconds + STARTED_TTL
    names = list(queues)
    with redis.pipeline(transaction=False) as pipe:
        for queue in names:
            pipe.zrangebyscore(wip_key(queue), 0, oldest)
        found = [
            (queue, member)
            for queue, members in zip(names, pipe.execute(), strict=True)
            for member in members
        ]
    for queue, member in found:
        if not member.isascii():  # not ours, and once decoded it could not be removed by name
            redis.zrem(wip_key(queue), member)
    return [(queue, member.decode()) for queue, member in found if member.isascii()]


def remove_stale_attempt(
    redis: Redis, queue: str, member: str, state: str | None, worker: str | None
) -> None:
    """Remove a started attempt from RQ's view, unless its row is running with the same worker.

    `state` and `worker` are the row's, None if there is no row. If the row has ended, its job is
    shown as ended.
    """
    identity, _, execution = member.rpartition(":")
    known = cast("bytes | None", redis.hget(execution_key(member), "worker_name"))
    if state == "running" and known is not None and known == (worker or "").encode():
        return
    with redis.pipeline(transaction=True) as pipe:
        forget(pipe, queue, identity, execution)
        if state in _STATUS:
            conclude(pipe, queue, identity, _STATUS[state], real_now())
        pipe.execute()


def refuse(redis: Redis, identity: str, queue: str, reason: str) -> None:
    """Show a queue entry that is not our job as failed, so that operators see it; it never runs.

    Its content is replaced, because RQ would decode what another program wrote. An id that RQ could
    not read is shown by its digest.
    """
    shown = (
        identity
        if _SHOWABLE.fullmatch(identity)
        else f"refused-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    )
    now = real_now()
    hash_ = job_hash("refused", 0, queue, utcformat(now)) | {
        "status": "failed",
        "description": f"refused: {reason}",
        "ended_at": utcformat(now),
    }
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(job_key(identity))
        pipe.hset(job_key(shown), mapping=hash_)
        pipe.expire(job_key(shown), FAILURE_TTL)
        pipe.zadd(ended_key("failed", queue), {shown: now.timestamp() + FAILURE_TTL})
        pipe.execute()


def correct_if_queued(redis: Redis, identity: str, queue: str, state: str) -> None:
    """Show how a job ended if RQ still shows it as queued, after a late copy of it was popped."""
    if redis.hget(job_key(identity), "status") != b"queued":
        return
    with redis.pipeline(transaction=True) as pipe:
        conclude(pipe, queue, identity, _STATUS[state], real_now())
        pipe.execute()
