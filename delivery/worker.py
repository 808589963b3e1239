"""A warm worker: one process, one queue; it pops an id, claims the row, performs the job, settles
it.

The claim comes before RQ's state is touched: a copy that is refused leaves no trace there.
"""

import os
import platform
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from peewee import PeeweeException
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from rq.utils import utcformat
from rq.version import VERSION
from structlog.contextvars import bind_contextvars, clear_contextvars

from delivery import rq_keys, rq_mend, rq_view
from delivery.attempt import Outcome, perform, put_off_unknown
from delivery.registry import find_job
from delivery.tick import TICK_PREFIX, take_tick
from models.base import release_connection
from models.database_errors import LACKS_TABLES, lacks_tables
from models.delivery.staged_job import Claimed, StagedJob, claim_job, release_worker
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.log_throttle import Seldom
from runtime.redis_connection import leave_if_read_only, refuses_writes

POP_SECONDS = 2
HEARTBEAT_SECONDS = 5
WORKER_TTL = 90
# for what is not the job itself: claiming it, say; longer than the database takes to give up a
# statement
CLAIM_SECONDS = 30.0

log = get_log("worker")
Shown = TypeVar("Shown")
_FINAL = frozenset({"done", "cancelled", "dead"})


class Worker:
    """Performs the jobs of one queue until told to stop. `deadline` is told when what it is at must
    be over.
    """

    def __init__(
        self, queue: str, redis: Redis, name: str, deadline: Callable[[float], None]
    ) -> None:
        self.queue, self.redis, self.name = queue, redis, name
        self._deadline = deadline
        self._stopping = False
        self._beaten_at = 0.0
        self._seldom = Seldom()

    def run(self, predecessor: str = "") -> None:
        """Work until SIGTERM. What a dead `predecessor` held is given back first."""
        signal.signal(signal.SIGTERM, self._stop)
        # Ctrl-C reaches the whole group; the pool drains us
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._safely(lambda: self._inherit(predecessor))
        while not self._stopping:
            self._safely(self._step)
        self._safely(self._say_goodbye)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _safely(self, act: Callable[[], None]) -> None:
        try:
            act()
        except RedisError as error:
            self._complain(error)
            leave_if_read_only(self.redis, error)
            time.sleep(0.5)
        except PeeweeException as error:
            trouble, kind = (
                (LACKS_TABLES if lacks_tables(error) else "database is away, waiting"),
                type(error).__name__,
            )
            if self._seldom(f"{trouble} {kind}"):
                log.warning(trouble, error=kind, detail=str(error)[:200])
            time.sleep(0.5)
        finally:
            release_connection()

    def _complain(self, error: RedisError) -> None:
        if self._seldom(type(error).__name__):
            log.warning(
                "Redis refuses writes" if refuses_writes(error) else "Redis is away, waiting",
                error=type(error).__name__,
                detail=str(error)[:200],
            )

    def _inherit(self, predecessor: str) -> None:
        if predecessor:
            released = release_worker(predecessor)
            for job in released:
                log.warning(
                    "took over from a dead worker",
                    job=job.name,
                    job_id=job.id,
                    state=job.state,
                    dead_worker=predecessor,
                )
            rq_mend.abandon(self.redis, released)
            self._unregister(predecessor)

    def _step(self) -> None:
        self._beat()
        popped = self.redis.blpop([rq_keys.queue_key(self.queue)], timeout=POP_SECONDS)
        if popped:
            killpoint("worker.after_pop")
            identity = popped[1]
            self.take(
                identity.decode("utf-8", "replace") if isinstance(identity, bytes) else identity
            )

    def take(self, identity: str) -> Outcome | None:
        """Do what stands in the queue under `identity`;
        None when there was nothing for us to do.
        """
        self._deadline(time.monotonic() + CLAIM_SECONDS)
        try:
            return self._take(identity)
        finally:
            self._deadline(0.0)

    def _take(self, identity: str) -> Outcome | None:
        if identity.startswith(TICK_PREFIX):
            take_tick(identity.removeprefix(TICK_PREFIX))
            return None
        job_id = rq_keys.parse_rq_id(identity)
        job = claim_job(job_id, self.name) if job_id is not None else None
        if job is None:
            self._show(lambda: self._left_alone(identity, job_id))
            return None
        killpoint("worker.after_claim")
        bind_contextvars(
            job=job.name, job_id=job.id, attempt=job.attempts, request_id=job.request_id
        )
        try:
            return self._perform(job)
        finally:
            clear_contextvars()

    def _perform(self, job: Claimed) -> Outcome:
        job_type = find_job(job.name)
        execution = self._show(lambda: self._start_view(job))
        if job_type is None:
            outcome = put_off_unknown(job)
        else:
            self._deadline(time.monotonic() + job_type.timeout)
            try:
                outcome = perform(job, job_type)
            finally:
                self._deadline(time.monotonic() + CLAIM_SECONDS)
        killpoint("worker.before_rq")
        if execution is not None:
            self._show(lambda: self._settle_view(job, execution, outcome))
        log.info(
            "job",
            state=outcome.state,
            seconds=round(
                (real_now() - (execution.started_at if execution else real_now())).total_seconds(),
                4,
            ),
        )
        return outcome

    def _start_view(self, job: Claimed) -> rq_view.Execution:
        try:
            return rq_view.start(self.redis, job, self.name)
        except OutOfMemoryError:
            rq_view.make_room(self.redis, job)
            raise

    def _settle_view(self, job: Claimed, execution: rq_view.Execution, outcome: Outcome) -> None:
        match outcome.state:
            case "done":
                rq_view.finish(self.redis, job, execution)
            case "failed" | "dead":
                due = None if outcome.state == "dead" else outcome.delay
                rq_view.fail(self.redis, job, execution, outcome.error, due)
            case "snoozed":
                rq_view.snooze(self.redis, job, execution)
            case _:
                rq_view.drop(self.redis, job, execution)

    def _show(self, act: Callable[[], Shown]) -> Shown | None:
        try:
            return act()
        except RedisError as error:
            # the row is the truth; RQ's view is mended by the relay or expires
            log.warning("RQ's view could not be updated", error=type(error).__name__)
            return None

    def _left_alone(self, identity: str, job_id: int | None) -> None:
        row = StagedJob.get_or_none(StagedJob.id == job_id) if job_id is not None else None
        if row is None or rq_keys.rq_id(row.name, row.id) != identity:
            log.warning(
                "refused a queue entry that is not our job",
                identity=identity[:80],
                queue=self.queue,
            )
            rq_mend.refuse(self.redis, identity, self.queue, "not a staged job")
        elif row.state in _FINAL:
            rq_mend.correct_if_queued(self.redis, identity, self.queue, row.state)

    def _beat(self) -> None:
        """A sign of life that Redis will not write stops no work:
        a pop makes room in a full one.
        """
        try:
            self._heartbeat()
        except ResponseError as error:
            self._complain(error)
            self._beaten_at = time.monotonic()

    def _heartbeat(self) -> None:
        if time.monotonic() - self._beaten_at < HEARTBEAT_SECONDS:
            return
        key, now = f"rq:worker:{self.name}", utcformat(real_now())
        # new, or Redis was emptied; a job may have written its state since
        if not self.redis.hexists(key, "birth"):
            self._register(key, now)
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"last_heartbeat": now, "state": "idle"})
            pipe.expire(key, WORKER_TTL)
            pipe.sadd(rq_keys.WORKERS_KEY, key)
            pipe.sadd(rq_keys.workers_key(self.queue), key)
            pipe.execute()
        self._beaten_at = time.monotonic()

    def _register(self, key: str, now: str) -> None:
        birth = {
            "birth": now,
            "queues": self.queue,
            "pid": os.getpid(),
            "hostname": socket.gethostname(),
            "ip_address": "unknown",
            "version": VERSION,
            "python_version": platform.python_version(),
            "state": "starting",
        }
        self.redis.hset(key, mapping={name: str(value) for name, value in birth.items()})

    def _unregister(self, name: str) -> None:
        key = f"rq:worker:{name}"
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.srem(rq_keys.WORKERS_KEY, key)
            pipe.srem(rq_keys.workers_key(self.queue), key)
            pipe.delete(key, f"{key}:executions")
            pipe.execute()

    def _say_goodbye(self) -> None:
        self._unregister(self.name)
