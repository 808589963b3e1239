"""What RQ and its dashboard show of our jobs.

Projects the rows into RQ's queue, job hash, registries and results, in one round trip when a job is
queued, starts or ends (`delivery.rq.scripts`). RQ holds ids and names of exceptions only, never
messages or personal data.
"""

import base64
import json
import secrets
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

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

_RESULTS = {"finished": 1, "failed": 2}  # RQ's numeric types of results


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt as RQ shows it in its StartedJobRegistry."""

    rq_id: str
    id: str
    worker: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Instead:
    """A queue entry that was popped from `queue` when it was another job's turn.

    If `is_back`, it returns to the head, so that RQ lists exactly the jobs that wait.
    """

    queue: str
    popped: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt is shown once it is over: `finished`, `failed`, `scheduled`, `queued` again,
    or not at all ('').

    `more_fields` holds further fields for the job's hash.
    """

    job: Claimed
    execution: Execution
    status: str
    error: str = ""
    more_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closing:
    """What else is done in the round trip that shows attempts as ended.

    `locks`, with their tokens, are released if they are still ours. The next id is popped from
    `pops`, unless that is ''. `is_last` is false if the worker still has one of the jobs that
    started together.
    """

    locks: Mapping[str, str]
    pops: str = ""
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class Next:
    """The popped id, and how many ids are still in its queue."""

    identity: str | None = None
    behind: int = 0


_NOTHING_ELSE = Closing({})


def push(redis: Redis, jobs: Iterable[Pushable]) -> None:
    """Queue jobs in one round trip."""
    now = utcformat(real_now())
    keys: list[str] = []
    entries = []
    for job in jobs:
        identity = rq_id(job.name, job.id)
        keys += (job_key(identity), ended_key("failed", job.queue), queue_key(job.queue))
        fields = pairs(job_hash(job.name, job.id, job.queue, now))
        entries.append({"id": identity, "ahead": job.ahead, "fields": fields})
    rq_scripts.PUSH.run(redis, keys, jobs=entries)


def start(
    redis: Redis, jobs: Sequence[Claimed], worker: str, instead: Instead | None = None
) -> list[Execution]:
    """Show claimed jobs of one queue as started by `worker`.

    The first job was popped, or claimed `instead` of another that was popped; the others are still
    in the queue.
    """
    now = real_now()
    shown, at = utcformat(now), now.timestamp()
    begun = [Execution(rq_id(job.name, job.id), secrets.token_hex(8), worker, now) for job in jobs]
    started = {"worker_name": worker, "started_at": shown, "last_heartbeat": shown, "ended_at": ""}
    keys, entries = [], []
    for job, execution in zip(jobs, begun, strict=True):
        keys += _keys(job, execution)
        meta = json.dumps({"attempt": job.attempts, "of": job.max_attempts})
        fields = core(job) | {"status": "started"} | started | {"meta": meta}
        entries.append({"id": execution.rq_id, "execution": execution.id, "fields": pairs(fields)})
    queue = queue_key(instead.queue if instead else jobs[0].queue)
    rq_scripts.BEGIN.run(
        redis,
        [*keys, *_worker_keys(worker), queue],
        jobs=entries,
        worker=worker,
        now=shown,
        at=str(at),
        until_=str(at + STARTED_TTL),
        taken=[execution.rq_id for execution in begun[0 if instead else 1 :]],
        back=instead.popped if instead and instead.is_back else "",
    )
    return begun


def _keys(job: Claimed, execution: Execution) -> list[str]:
    """The keys of a started attempt: its job's hash, and what lists it."""
    member = f"{execution.rq_id}:{execution.id}"
    return [
        job_key(execution.rq_id),
        wip_key(job.queue),
        execution_key(member),
        executions_key(execution.rq_id),
    ]


def _worker_keys(name: str) -> list[str]:
    """The keys of a worker's hash and of its started attempts."""
    worker = worker_key(name)
    return [worker, f"{worker}:executions"]


def forget(pipe: Pipeline, queue: str, job: str, execution: str) -> None:
    """Remove an attempt from RQ's started attempts."""
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


def finished(job: Claimed, execution: Execution) -> Ending:
    """The end of an attempt whose row is done."""
    return Ending(job, execution, "finished")


def failed(job: Claimed, execution: Execution, error: str, delay: float | None) -> Ending:
    """The end of a failed attempt.

    `meta` tells when the next one is due, in `delay` seconds (None: the job is dead).
    """
    next_at = None if delay is None else real_now() + timedelta(seconds=delay)
    meta = {
        "attempt": job.attempts,
        "of": job.max_attempts,
        "nextAttemptAt": next_at.isoformat() if next_at else None,
        "dead": next_at is None,
    }
    return Ending(job, execution, "failed", error, {"meta": json.dumps(meta)})


def snoozed(job: Claimed, execution: Execution) -> Ending:
    """The end of an attempt that was put off: no longer started, but not failed either."""
    return Ending(job, execution, "scheduled")


def dropped(job: Claimed, execution: Execution) -> Ending:
    """The end of an attempt that lost its claim: the job's hash now belongs to another attempt."""
    return Ending(job, execution, "")


def returned(job: Claimed, execution: Execution) -> Ending:
    """The end of an attempt that did not begin: its job is back in the queue."""
    return Ending(job, execution, "queued", more_fields={"worker_name": "", "started_at": ""})


def end(redis: Redis, endings: Sequence[Ending], closing: Closing = _NOTHING_ELSE) -> Next:
    """Show attempts of one worker and queue, which started together, as ended.

    Call it only once their rows say so. Returns the popped id, if `closing` asks for one.
    """
    now = real_now()
    queue, began = endings[0].job.queue, endings[0].execution
    keys = []
    for each in endings:
        keys += [*_keys(each.job, each.execution), f"rq:results:{each.execution.rq_id}"]
    popped = rq_scripts.END.run(
        redis,
        [
            *keys,
            *_worker_keys(began.worker),
            ended_key("finished", queue),
            ended_key("failed", queue),
            queue_key(closing.pops),
        ],
        jobs=[_end_input(each, now) for each in endings],
        at=now.timestamp(),
        seconds=str((now - began.started_at) / timedelta(seconds=1)) if closing.is_last else "0",
        state="idle" if closing.is_last else "busy",
        worker=began.worker,
        back_to=queue_key(queue),
        locks=dict(closing.locks),
        pops=bool(closing.pops),
    )
    identity, behind = popped or (None, 0)
    return Next(None if identity is None else identity.decode("utf-8", "replace"), behind)


def _end_input(ending: Ending, now: datetime) -> dict[str, Any]:
    """The input of the END script for one attempt."""
    execution = ending.execution
    fields = core(ending.job) | dict(ending.more_fields)
    if ending.status in _RESULTS:
        fields["ended_at"] = utcformat(now)
    result = {
        "type": _RESULTS.get(ending.status, 0),
        "worker_name": execution.worker,
        "execution_id": execution.id,
        "execution_started_at": execution.started_at.timestamp(),
        "execution_ended_at": now.timestamp(),
    }
    if ending.error:
        result["exc_string"] = base64.b64encode(zlib.compress(ending.error.encode())).decode()
    return {
        "id": execution.rq_id,
        "execution": execution.id,
        "status": ending.status,
        "fields": pairs(fields),
        "result": pairs(result),
    }
