"""What RQ, and whoever watches its dashboard, sees of our jobs.

A projection of the rows into RQ's queue, job hash, registries and results, by one round trip when a
job is queued, begins or ends (`delivery.rq.scripts`). RQ holds ids and names of exceptions only,
never messages or personal data.
"""

import base64
import json
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis
from redis.client import Pipeline
from rq.utils import utcformat

from delivery.rq import scripts as rq_scripts
from delivery.rq.keys import (
    FAILURE_TTL,
    RESULT_TTL,
    STARTED_TTL,
    core,
    ended_key,
    execution_key,
    executions_key,
    job_hash,
    job_key,
    pairs,
    queue_key,
    rq_id,
    wip_key,
    worker_key,
)
from models.delivery.attempt import Claimed
from models.delivery.staged_job import Pushable
from runtime.clock import real_now

_RESULTS = {"finished": 1, "failed": 2}  # RQ's numbers for how an attempt ended


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt as RQ shows it in its StartedJobRegistry."""

    rq_id: str
    id: str
    worker: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Instead:
    """The entry that was popped from `queue` where another job's turn it was, and whether it goes
    back to its head, for RQ to list all that wait and nothing else.
    """

    queue: str
    popped: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """What else is done in the trip that shows an attempt as over: `locks`, each with its token,
    are released if they are still ours; the next id is popped from `pops`, if that names a queue.
    """

    locks: Mapping[str, str]
    pops: str = ""


_NOTHING_ELSE = Closing({})


def push(redis: Redis, jobs: Iterable[Pushable]) -> None:
    """Queue jobs in one round trip."""
    now = utcformat(real_now())
    keys: list[str] = []
    told = []
    for job in jobs:
        identity = rq_id(job.name, job.id)
        keys += (job_key(identity), ended_key("failed", job.queue), queue_key(job.queue))
        fields = pairs(job_hash(job.name, job.id, job.queue, now))
        told.append({"id": identity, "ahead": job.ahead, "fields": fields})
    rq_scripts.PUSH.run(redis, keys, jobs=told)


def start(redis: Redis, job: Claimed, worker: str, instead: Instead | None = None) -> Execution:
    """Show a claimed job as started by `worker`, taken `instead` of another one that was popped."""
    now = real_now()
    shown, at = utcformat(now), now.timestamp()
    execution = Execution(rq_id(job.name, job.id), secrets.token_hex(8), worker, now)
    fields = core(job) | {
        "status": "started",
        "worker_name": worker,
        "started_at": shown,
        "last_heartbeat": shown,
        "ended_at": "",
        "meta": json.dumps({"attempt": job.attempts, "of": job.max_attempts}),
    }
    rq_scripts.BEGIN.run(
        redis,
        [*_keys(job, execution), queue_key(instead.queue if instead else job.queue)],
        job=execution.rq_id,
        execution=execution.id,
        worker=worker,
        now=shown,
        at=str(at),
        until_=str(at + STARTED_TTL),
        fields=pairs(fields),
        popped=instead.popped if instead else "",
        is_back=instead is not None and instead.is_back,
    )
    return execution


def _keys(job: Claimed, execution: Execution) -> list[str]:
    """The keys of a started attempt: its job, what lists it, and its worker."""
    member = f"{execution.rq_id}:{execution.id}"
    worker = worker_key(execution.worker)
    return [
        job_key(execution.rq_id),
        wip_key(job.queue),
        execution_key(member),
        executions_key(execution.rq_id),
        worker,
        f"{worker}:executions",
    ]


def forget(pipe: Pipeline, queue: str, job: str, execution: str) -> None:
    """Remove an attempt from those that RQ shows as started."""
    member = f"{job}:{execution}"
    pipe.delete(execution_key(member))
    pipe.zrem(wip_key(queue), member)
    pipe.zrem(executions_key(job), execution)


def conclude(pipe: Pipeline, queue: str, job: str, status: str, now: datetime) -> None:
    """Show a job as `finished` or `failed` for as long as RQ keeps such jobs."""
    ttl = FAILURE_TTL if status == "failed" else RESULT_TTL
    pipe.hset(job_key(job), mapping={"status": status, "ended_at": utcformat(now)})
    pipe.expire(job_key(job), ttl)
    pipe.zadd(ended_key(status, queue), {job: now.timestamp() + ttl})


def finish(
    redis: Redis, job: Claimed, execution: Execution, closing: Closing = _NOTHING_ELSE
) -> str | None:
    """Show a job as finished. Call it only once its row is done. The next id, if one was to be
    popped and there was one.
    """
    return _end(redis, job, execution, "finished", closing)


def fail(
    redis: Redis,
    job: Claimed,
    execution: Execution,
    error: str,
    delay: float | None,
    closing: Closing = _NOTHING_ELSE,
) -> str | None:
    """Show a failed attempt; `meta` says when the next one is due, in `delay` seconds (None: the
    job is dead).
    """
    next_at = None if delay is None else real_now() + timedelta(seconds=delay)
    meta = {
        "attempt": job.attempts,
        "of": job.max_attempts,
        "nextAttemptAt": next_at.isoformat() if next_at else None,
        "dead": next_at is None,
    }
    told = {"meta": json.dumps(meta)}
    return _end(redis, job, execution, "failed", closing, told, error)


def snooze(
    redis: Redis, job: Claimed, execution: Execution, closing: Closing = _NOTHING_ELSE
) -> str | None:
    """Show an attempt that was put off: no longer started, and not failed either."""
    return _end(redis, job, execution, "scheduled", closing)


def drop(
    redis: Redis, job: Claimed, execution: Execution, closing: Closing = _NOTHING_ELSE
) -> str | None:
    """End an attempt whose claim was lost: the job's own hash belongs to another attempt now."""
    return _end(redis, job, execution, "", closing)


def _end(
    redis: Redis,
    job: Claimed,
    execution: Execution,
    status: str,
    closing: Closing,
    told: Mapping[str, str] | None = None,
    error: str = "",
) -> str | None:
    now = real_now()
    fields = core(job) | dict(told or {})
    if status in _RESULTS:
        fields["ended_at"] = utcformat(now)
    result = {
        "type": _RESULTS.get(status, 0),
        "worker_name": execution.worker,
        "execution_id": execution.id,
        "execution_started_at": execution.started_at.timestamp(),
        "execution_ended_at": now.timestamp(),
    }
    if error:
        result["exc_string"] = base64.b64encode(zlib.compress(error.encode())).decode()
    popped: bytes | None = rq_scripts.END.run(
        redis,
        [
            *_keys(job, execution),
            f"rq:results:{execution.rq_id}",
            ended_key("finished", job.queue),
            ended_key("failed", job.queue),
            queue_key(closing.pops),
        ],
        job=execution.rq_id,
        execution=execution.id,
        status=status,
        at=now.timestamp(),
        seconds=str((now - execution.started_at) / timedelta(seconds=1)),
        fields=pairs(fields),
        result=pairs(result),
        locks=dict(closing.locks),
        pops=bool(closing.pops),
    )
    return None if popped is None else popped.decode("utf-8", "replace")
