"""What RQ, and whoever watches its dashboard, sees of our jobs.

A projection of the rows into RQ's queue, job hash, registries and results. RQ holds ids and names
of exceptions only, never messages or personal data.
"""

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq.utils import utcformat

from delivery.rq_keys import (
    FAILURE_TTL,
    RESULT_TTL,
    STARTED_TTL,
    core,
    ended_key,
    execution_key,
    executions_key,
    job_hash,
    job_key,
    queue_key,
    rq_id,
    wip_key,
)
from models.delivery.staged_job import Claimed, Pushable
from runtime.clock import real_now
from runtime.ids import new_id


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt as RQ shows it in its StartedJobRegistry."""

    rq_id: str
    id: str
    worker: str
    started_at: datetime


def push(redis: Redis, jobs: Iterable[Pushable]) -> None:
    """Queue jobs in one round trip."""
    now = utcformat(real_now())
    with redis.pipeline(transaction=True) as pipe:
        for job in jobs:
            identity = rq_id(job.name, job.id)
            pipe.sadd("rq:queues", queue_key(job.queue))
            pipe.hset(job_key(identity), mapping=job_hash(job.name, job.id, job.queue, now))
            # It may expire since its last attempt ended, and be listed as failed since then.
            pipe.persist(job_key(identity))
            pipe.zrem(ended_key("failed", job.queue), identity)
            put = pipe.lpush if job.ahead else pipe.rpush
            put(queue_key(job.queue), identity)
        pipe.execute()


def make_room(redis: Redis, job: Claimed) -> None:
    """Delete the hash of a job that was popped: a full Redis allows that, and has room again."""
    redis.delete(job_key(rq_id(job.name, job.id)))


def start(redis: Redis, job: Claimed, worker: str) -> Execution:
    """Show a claimed job as started by `worker`."""
    now = real_now()
    execution = Execution(rq_id(job.name, job.id), new_id("x")[2:], worker, now)
    member = f"{execution.rq_id}:{execution.id}"
    stamp: dict[Any, Any] = {"id": execution.id, "job_id": execution.rq_id, "worker_name": worker}
    stamp |= {"created_at": now.timestamp(), "last_heartbeat": now.timestamp()}
    with redis.pipeline(transaction=True) as pipe:
        hash_ = job_hash(job.name, job.id, job.queue, utcformat(now))
        del hash_["created_at"], hash_["enqueued_at"]
        hash_ |= {
            "status": "started",
            "worker_name": worker,
            "started_at": utcformat(now),
            "last_heartbeat": utcformat(now),
        }
        hash_["meta"] = json.dumps({"attempt": job.attempts, "of": job.max_attempts})
        pipe.hset(job_key(execution.rq_id), mapping=hash_)
        pipe.hsetnx(job_key(execution.rq_id), "created_at", utcformat(now))
        pipe.persist(job_key(execution.rq_id))
        pipe.zadd(wip_key(job.queue), {member: now.timestamp() + STARTED_TTL})
        pipe.hset(execution_key(member), mapping=stamp)
        pipe.expire(execution_key(member), STARTED_TTL)
        pipe.zadd(executions_key(execution.rq_id), {execution.id: now.timestamp() + STARTED_TTL})
        pipe.expire(executions_key(execution.rq_id), STARTED_TTL)
        pipe.sadd(f"rq:worker:{worker}:executions", member)
        pipe.expire(f"rq:worker:{worker}:executions", STARTED_TTL)
        pipe.hset(f"rq:worker:{worker}", "state", "busy")
        pipe.execute()
    return execution


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


def _end(pipe: Pipeline, job: Claimed, execution: Execution, now: datetime) -> None:
    forget(pipe, job.queue, execution.rq_id, execution.id)
    pipe.srem(f"rq:worker:{execution.worker}:executions", f"{execution.rq_id}:{execution.id}")
    worker = f"rq:worker:{execution.worker}"
    pipe.hset(worker, "state", "idle")
    pipe.hincrbyfloat(
        worker, "total_working_time", (now - execution.started_at) / timedelta(seconds=1)
    )


def _result(
    pipe: Pipeline, execution: Execution, kind: int, ttl: int, now: datetime, exc: str = ""
) -> None:
    entry: dict[Any, Any] = {
        "type": kind,
        "worker_name": execution.worker,
        "execution_id": execution.id,
        "execution_started_at": execution.started_at.timestamp(),
        "execution_ended_at": now.timestamp(),
    }
    if exc:
        entry["exc_string"] = base64.b64encode(zlib.compress(exc.encode())).decode()
    pipe.xadd(f"rq:results:{execution.rq_id}", entry, maxlen=10)
    pipe.expire(f"rq:results:{execution.rq_id}", ttl)


def finish(redis: Redis, job: Claimed, execution: Execution) -> None:
    """Show a job as finished. Call it only once its row is done."""
    now = real_now()
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(job_key(execution.rq_id), mapping=core(job))
        conclude(pipe, job.queue, execution.rq_id, "finished", now)
        pipe.zremrangebyscore(ended_key("finished", job.queue), 0, now.timestamp())
        pipe.zrem(ended_key("failed", job.queue), execution.rq_id)
        _result(pipe, execution, 1, RESULT_TTL, now)
        pipe.hincrby(f"rq:worker:{execution.worker}", "successful_job_count", 1)
        _end(pipe, job, execution, now)
        pipe.execute()


def fail(redis: Redis, job: Claimed, execution: Execution, error: str, delay: float | None) -> None:
    """Show a failed attempt; `meta` says when the next one is due, in `delay` seconds (None: the
    job is dead).
    """
    now = real_now()
    next_at = None if delay is None else now + timedelta(seconds=delay)
    meta = {
        "attempt": job.attempts,
        "of": job.max_attempts,
        "nextAttemptAt": next_at.isoformat() if next_at else None,
        "dead": next_at is None,
    }
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(job_key(execution.rq_id), mapping=core(job) | {"meta": json.dumps(meta)})
        conclude(pipe, job.queue, execution.rq_id, "failed", now)
        _result(pipe, execution, 2, FAILURE_TTL, now, error)
        pipe.hincrby(f"rq:worker:{execution.worker}", "failed_job_count", 1)
        _end(pipe, job, execution, now)
        pipe.execute()


def snooze(redis: Redis, job: Claimed, execution: Execution) -> None:
    """Show an attempt that was put off: no longer started, and not failed either."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(job_key(execution.rq_id), "status", "scheduled")
        _end(pipe, job, execution, real_now())
        pipe.execute()


def drop(redis: Redis, job: Claimed, execution: Execution) -> None:
    """End an attempt whose claim was lost: the job's own hash belongs to another attempt now."""
    with redis.pipeline(transaction=True) as pipe:
        _end(pipe, job, execution, real_now())
        pipe.execute()
