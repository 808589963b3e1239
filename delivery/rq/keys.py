"""The keys of RQ 3 (rq/job.py, rq/registry.py, rq/worker_registration.py), and the fields that it
expects in a job's hash.
"""

import re
from collections.abc import Mapping
from typing import Any

from delivery.registry import MAX_TIMEOUT, find_job
from models.delivery.attempt import Claimed

RESULT_TTL = 500  # seconds a finished job stays visible
FAILURE_TTL = 365 * 24 * 3600
STARTED_TTL = 90
WORKERS_KEY = "rq:workers"
_OURS = re.compile(r"\w+-([0-9]{1,18})", re.ASCII)  # 18 digits fit any database's 64 bits


def rq_id(name: str, job_id: int) -> str:
    """RQ's id of a staged job; consists of letters, digits, `_` and `-` only."""
    return f"{name}-{job_id}"


def parse_rq_id(text: str) -> int | None:
    """The staged job's id in an RQ job id, or None if the latter is not one of ours."""
    ours = _OURS.fullmatch(text)
    return int(ours[1]) if ours else None


def job_key(job: str) -> str:
    """The key of a job's hash."""
    return f"rq:job:{job}"


def queue_key(queue: str) -> str:
    """The key of a queue's list."""
    return f"rq:queue:{queue}"


def wip_key(queue: str) -> str:
    """The key of a queue's started attempts; each member is `job:execution`."""
    return f"rq:wip:{queue}"


def execution_key(member: str) -> str:
    """The key of one started attempt's hash."""
    return f"rq:execution:{member}"


def executions_key(job: str) -> str:
    """The key of a job's started attempts."""
    return f"rq:executions:{job}"


def ended_key(status: str, queue: str) -> str:
    """The key of a queue's jobs that have ended with `status`, `finished` or `failed`."""
    return f"rq:{status}:{queue}"


def workers_key(queue: str) -> str:
    """The key of the set of a queue's workers.

    Each member is the key of a worker's hash, which expires when its heartbeats stop.
    """
    return f"{WORKERS_KEY}:{queue}"


def worker_key(name: str) -> str:
    """The key of a worker's hash."""
    return f"rq:worker:{name}"


def job_hash(name: str, job_id: int, queue: str, now: str) -> dict[Any, Any]:
    """The hash of a queued job; it overwrites what an earlier attempt left there."""
    return _core(name, job_id, queue) | {
        "created_at": now,
        "enqueued_at": now,
        "status": "queued",
        "worker_name": "",
        "started_at": "",
        "ended_at": "",
    }


def core(job: Claimed) -> dict[Any, Any]:
    """The fields without which RQ cannot read a job.

    They are written again at its start and end, because Redis may have been emptied in between.
    """
    return _core(job.name, job.id, job.queue)


def _core(name: str, job_id: int, queue: str) -> dict[Any, Any]:
    known = find_job(name)
    return {
        # What RQ would call: the function `name`, with the row's id as its only argument. RQ
        # compresses it, but also reads it uncompressed.
        "data": f'["jobs.{name}", null, [{job_id}], {{}}]',
        "origin": queue,
        "description": f"{name} {job_id}",
        "timeout": known.timeout if known else MAX_TIMEOUT,
    }


def pairs(fields: Mapping[Any, Any]) -> list[str]:
    """Names and values alternating, as HSET and XADD take them."""
    return [str(part) for pair in fields.items() for part in pair]
