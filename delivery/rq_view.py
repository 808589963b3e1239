"""What RQ, and whoever watches its dashboard, sees of our jobs.

The rows are the truth; this projects them: queue, job hash, registries, results. RQ holds ids and
exception names only. Key names are RQ 3's own (rq/job.py, rq/registry.py, rq/results.py).
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline
from rq.utils import utcformat

from models.staged_job import Claimed, Pushable, Released
from runtime.clock import real_now
from runtime.ids import new_id

RESULT_TTL = 500  # seconds a finished job stays visible
FAILURE_TTL = 365 * 24 * 3600
STARTED_TTL = 90
_OURS = re.compile(r"\w+-([0-9]{1,18})", re.ASCII)  # 18 digits fit any database's 64 bits
_SHOWABLE = re.compile(r"[A-Za-z0-9_-]{1,100}")  # what RQ takes as an id


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt as RQ shows it in its StartedJobRegistry."""

    rq_id: str
    id: str
    worker: str
    started_at: datetime


def rq_id(name: str, job_id: int) -> str:
    """RQ's id of a staged job; letters, digits, `_` and `-` only."""
    return f"{name}-{job_id}"


def parse_rq_id(text: str) -> int | None:
    """The staged job's id in an RQ job id, or None when it is not one of ours."""
    ours = _OURS.fullmatch(text)
    return int(ours[1]) if ours else None


def job_key(job: str) -> str:
    """The key of a job's hash."""
    return f"rq:job:{job}"


def queue_key(queue: str) -> str:
    """The key of a queue's list."""
    return f"rq:queue:{queue}"


def job_hash(name: str, job_id: int, queue: str, now: str) -> dict[Any, Any]:
    """The hash of a queued job: function `name`, and the row's id as its only argument."""
    return {
        "created_at": now, "enqueued_at": now, "data": _data(name, job_id), "origin": queue,
        "description": f"{name} {job_id}", "status": "queued", "timeout": 20,
        "result_ttl": RESULT_TTL, "failure_ttl": FAILURE_TTL, "worker_name": "", "started_at": "", "ended_at": "",
    }  # fmt: skip


def _data(name: str, job_id: int) -> bytes:
    return zlib.compress(json.dumps([f"jobs.{name}", None, [job_id], {}]).encode())


def _core(job: Claimed) -> dict[Any, Any]:
    """What RQ cannot read a job without: written again at its end, Redis may have been emptied since its start."""
    return {"data": _data(job.name, job.id), "origin": job.queue, "description": f"{job.name} {job.id}"}


def push(redis: Redis, jobs: Iterable[Pushable]) -> None:
    """Queue jobs in one round trip."""
    now = utcformat(real_now())
    with redis.pipeline(transaction=True) as pipe:
        for job in jobs:
            identity = rq_id(job.name, job.id)
            pipe.sadd("rq:queues", queue_key(job.queue))
            pipe.hset(job_key(identity), mapping=job_hash(job.name, job.id, job.queue, now))
            pipe.persist(job_key(identity))
            pipe.zrem(f"rq:failed:{job.queue}", identity)
            pipe.rpush(queue_key(job.queue), identity)
        pipe.execute()


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
        hash_ |= {"status": "started", "worker_name": worker, "started_at": utcformat(now), "last_heartbeat": utcformat(now)}
        hash_["meta"] = json.dumps({"attempt": job.attempts, "of": job.max_attempts})
        pipe.hset(job_key(execution.rq_id), mapping=hash_)
        pipe.hsetnx(job_key(execution.rq_id), "created_at", utcformat(now))
        pipe.persist(job_key(execution.rq_id))
        pipe.zadd(f"rq:wip:{job.queue}", {member: now.timestamp() + STARTED_TTL})
        pipe.hset(f"rq:execution:{member}", mapping=stamp)
        pipe.expire(f"rq:execution:{member}", STARTED_TTL)
        pipe.zadd(f"rq:executions:{execution.rq_id}", {execution.id: now.timestamp() + STARTED_TTL})
        pipe.expire(f"rq:executions:{execution.rq_id}", STARTED_TTL)
        pipe.sadd(f"rq:worker:{worker}:executions", member)
        pipe.expire(f"rq:worker:{worker}:executions", STARTED_TTL)
        pipe.hset(f"rq:worker:{worker}", "state", "busy")
        pipe.execute()
    return execution


def _end(pipe: Pipeline, job: Claimed, execution: Execution, now: datetime) -> None:
    member = f"{execution.rq_id}:{execution.id}"
    pipe.delete(f"rq:execution:{member}")
    pipe.zrem(f"rq:wip:{job.queue}", member)
    pipe.zrem(f"rq:executions:{execution.rq_id}", execution.id)
    pipe.srem(f"rq:worker:{execution.worker}:executions", member)
    worker = f"rq:worker:{execution.worker}"
    pipe.hset(worker, "state", "idle")
    pipe.hincrbyfloat(worker, "total_working_time", (now - execution.started_at) / timedelta(seconds=1))


def _result(pipe: Pipeline, execution: Execution, kind: int, ttl: int, now: datetime, exc: str = "") -> None:
    entry: dict[Any, Any] = {
        "type": kind, "worker_name": execution.worker, "execution_id": execution.id,
        "execution_started_at": execution.started_at.timestamp(), "execution_ended_at": now.timestamp(),
    }  # fmt: skip
    if exc:
        entry["exc_string"] = base64.b64encode(zlib.compress(exc.encode())).decode()
    pipe.xadd(f"rq:results:{execution.rq_id}", entry, maxlen=10)
    pipe.expire(f"rq:results:{execution.rq_id}", ttl)


def finish(redis: Redis, job: Claimed, execution: Execution) -> None:
    """Show a job as finished: called once its row says done, never before."""
    now = real_now()
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(job_key(execution.rq_id), mapping=_core(job) | {"status": "finished", "ended_at": utcformat(now)})
        pipe.expire(job_key(execution.rq_id), RESULT_TTL)
        pipe.zadd(f"rq:finished:{job.queue}", {execution.rq_id: now.timestamp() + RESULT_TTL})
        pipe.zremrangebyscore(f"rq:finished:{job.queue}", 0, now.timestamp())
        pipe.zrem(f"rq:failed:{job.queue}", execution.rq_id)
        _result(pipe, execution, 1, RESULT_TTL, now)
        pipe.hincrby(f"rq:worker:{execution.worker}", "successful_job_count", 1)
        _end(pipe, job, execution, now)
        pipe.execute()


def fail(redis: Redis, job: Claimed, execution: Execution, error: str, delay: float | None) -> None:
    """Show a failed attempt; `meta` says when the next one is due, in `delay` seconds (None: the job is dead)."""
    now = real_now()
    next_at = None if delay is None else now + timedelta(seconds=delay)
    meta = {"attempt": job.attempts, "of": job.max_attempts, "nextAttemptAt": next_at.isoformat() if next_at else None, "dead": next_at is None}
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(job_key(execution.rq_id), mapping=_core(job) | {"status": "failed", "ended_at": utcformat(now), "meta": json.dumps(meta)})
        pipe.expire(job_key(execution.rq_id), FAILURE_TTL)
        pipe.zadd(f"rq:failed:{job.queue}", {execution.rq_id: now.timestamp() + FAILURE_TTL})
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


def abandon(redis: Redis, released: Iterable[Released]) -> None:
    """Take attempts off the list of started ones whose worker died; a job that is dead now is shown as failed."""
    for job in released:
        identity, now = rq_id(job.name, job.id), real_now()
        with redis.pipeline(transaction=True) as pipe:
            for execution in cast(list[bytes], redis.zrange(f"rq:executions:{identity}", 0, -1)):
                _forget(pipe, job.queue, identity, execution.decode())
            if job.state == "dead":
                pipe.hset(job_key(identity), mapping=job_hash(job.name, job.id, job.queue, utcformat(now)))
                pipe.hset(job_key(identity), "meta", json.dumps({"nextAttemptAt": None, "dead": True}))
                _conclude(pipe, identity, job.queue, job.state, now)
            pipe.execute()


def _forget(pipe: Pipeline, queue: str, identity: str, execution: str) -> None:
    member = f"{identity}:{execution}"
    pipe.zrem(f"rq:wip:{queue}", member)
    pipe.delete(f"rq:execution:{member}")
    pipe.zrem(f"rq:executions:{identity}", execution)


def _conclude(pipe: Pipeline, identity: str, queue: str, state: str, now: datetime) -> None:
    status, ttl = ("failed", FAILURE_TTL) if state == "dead" else ("finished", RESULT_TTL)
    pipe.hset(job_key(identity), mapping={"status": status, "ended_at": utcformat(now)})
    pipe.expire(job_key(identity), ttl)
    pipe.zadd(f"rq:{status}:{queue}", {identity: now.timestamp() + ttl})


def long_started(redis: Redis, queues: Iterable[str], seconds: float) -> list[tuple[str, str]]:
    """(queue, member) of every attempt that RQ shows as started since more than `seconds`."""
    oldest, names = real_now().timestamp() - seconds + STARTED_TTL, list(queues)
    with redis.pipeline(transaction=False) as pipe:
        for queue in names:
            pipe.zrangebyscore(f"rq:wip:{queue}", 0, oldest)
        return [(queue, member.decode("utf-8", "replace")) for queue, members in zip(names, pipe.execute(), strict=True) for member in members]


def mend(redis: Redis, queue: str, member: str, state: str | None, worker: str | None) -> None:
    """An attempt shown as started, whose row is in `state` with `worker`: if they disagree, the row is right."""
    identity, _, execution = member.rpartition(":")
    known = cast("bytes | None", redis.hget(f"rq:execution:{member}", "worker_name"))
    if state == "running" and known is not None and known.decode() == worker:
        return
    with redis.pipeline(transaction=True) as pipe:
        _forget(pipe, queue, identity, execution)
        if state in {"done", "cancelled", "dead"}:
            _conclude(pipe, identity, queue, state, real_now())
        pipe.execute()


def refuse(redis: Redis, identity: str, queue: str, reason: str) -> None:
    """Put something that is no job of ours where operators see it; it is never run.

    Its content is replaced, so that nobody decodes what a stranger wrote; an id that RQ could not
    read is shown by its digest.
    """
    shown = identity if _SHOWABLE.fullmatch(identity) else f"refused-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    now = real_now()
    hash_ = job_hash("refused", 0, queue, utcformat(now)) | {"status": "failed", "description": f"refused: {reason}", "ended_at": utcformat(now)}
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(job_key(identity))
        pipe.hset(job_key(shown), mapping=hash_)
        pipe.expire(job_key(shown), FAILURE_TTL)
        pipe.zadd(f"rq:failed:{queue}", {shown: now.timestamp() + FAILURE_TTL})
        pipe.execute()


def correct_if_queued(redis: Redis, identity: str, queue: str, state: str) -> None:
    """A late copy of an ended job was popped: if RQ still calls it queued, say how it ended."""
    if redis.hget(job_key(identity), "status") != b"queued":
        return
    with redis.pipeline(transaction=True) as pipe:
        _conclude(pipe, identity, queue, state, real_now())
        pipe.execute()
