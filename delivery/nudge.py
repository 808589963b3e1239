"""The nudge: push jobs into RQ right after their commit, if Redis answers quickly.

If Redis hangs or is down, the first request loses a quarter of a second. Then nudging pauses for
some seconds, and the relay pushes the jobs instead.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from redis import Redis
from redis.exceptions import RedisError

from delivery.route import nudged
from delivery.rq import repair as rq_repair
from delivery.rq import view as rq_view
from delivery.rq.keys import rq_id
from models.delivery.attempt import Claimed
from models.delivery.stage import Nudge, use_nudge
from models.delivery.staged_job import Pushable
from runtime.log import get_log
from runtime.redis.connection import NUDGE_TIMEOUT, connect_redis, disconnect_if_replica
from runtime.settings import get_settings

AT_ONCE = 200  # jobs in one round trip
# seconds between two nudges in the background: jobs committed in between share a round trip, and a
# job after a quiet period goes at once
APART = 0.02
PAUSE = 5.0  # seconds without a nudge after one failed

log = get_log("nudge")
_lock = threading.Lock()


class _Nudger:
    client: Redis | None = None
    paused_until = 0.0
    waiting: SimpleQueue[list[Pushable]] | None = None


def is_open() -> bool:
    """Whether a nudge would be attempted now, i.e. nudging is not paused."""
    return time.monotonic() >= _Nudger.paused_until


def push_in_background() -> None:
    """From now on, let a background thread of this process push jobs, so that no request waits for
    Redis and jobs of several commits share a round trip.

    The relay pushes what is still waiting when the process ends.
    """
    waiting = _Nudger.waiting = SimpleQueue()
    threading.Thread(target=_push_all, args=(waiting,), name="nudge", daemon=True).start()


def _push_all(waiting: SimpleQueue[list[Pushable]]) -> None:
    while True:
        jobs = waiting.get()
        while len(jobs) < AT_ONCE and not waiting.empty():
            jobs = jobs + waiting.get()
        try:
            _push_now(jobs)
        except Exception:
            log.exception("a nudge failed, the relay will push")
        time.sleep(APART)


def push(jobs: list[Pushable]) -> None:
    """Push jobs, up to `AT_ONCE` per round trip. If that fails, the relay pushes them."""
    if _Nudger.waiting is None:
        _push_now(jobs)
    else:
        _Nudger.waiting.put(jobs)


def _push_now(jobs: list[Pushable]) -> None:
    for begin in range(0, len(jobs), AT_ONCE):
        some = jobs[begin : begin + AT_ONCE]
        _try(some[0].id, partial(_push, some))


def _push(jobs: list[Pushable], redis: Redis) -> None:
    rq_view.push(redis, nudged(redis, jobs))


def correct(job: Claimed, state: str) -> None:
    """Show in RQ how a job performed by a request ended, if RQ still shows it as queued.

    A copy left in the queue is harmless.
    """
    _try(
        job.id,
        lambda redis: rq_repair.correct_if_queued(redis, rq_id(job.name, job.id), job.queue, state),
    )


def _try(job_id: int, act: Callable[[Redis], None]) -> None:
    if not is_open():
        return
    with _lock:
        redis = _Nudger.client = _Nudger.client or connect_redis(
            get_settings().redis_url, timeout=NUDGE_TIMEOUT
        )
    try:
        act(redis)
    except RedisError as error:
        disconnect_if_replica(redis, error)
        _Nudger.paused_until = time.monotonic() + PAUSE
        log.warning(
            "nudge failed, the relay will push",
            job_id=job_id,
            error=type(error).__name__,
            pause_seconds=PAUSE,
        )


use_nudge(Nudge(is_open, push))
