"""A warm worker: one process for one queue.

It pops an id, claims the row whose turn it is, performs the job and records how it ended. The row
is claimed before any key of RQ's is touched: a second copy of a job is refused by its row and
leaves no trace in RQ.

When many quick jobs of one account wait, and none of any other, the worker takes several at once.
They are claimed together and shown together as started and as ended, and those that wrote nothing
are recorded together. Each is performed and fails by itself, in its own transactions
(`delivery.batch`).
"""

import os
import platform
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import cast

from peewee import InterfaceError, OperationalError
from redis import Redis
from redis.exceptions import ResponseError
from rq.utils import utcformat
from rq.version import VERSION
from structlog.contextvars import clear_contextvars

from delivery.attempt import Outcome
from delivery.batch import CLAIM_SECONDS, Batch, bind, shown
from delivery.outages import OutageBackoff
from delivery.registry import find_job
from delivery.rq import keys as rq_keys
from delivery.rq import repair as rq_repair
from delivery.rq import view as rq_view
from delivery.schedule import TICK_PREFIX, stage_tick
from delivery.turns import Turns
from models.delivery.attempt import Claimed, claim_job, claim_more, release_worker
from models.delivery.staged_job import StagedJob
from models.delivery.turns import MOST, Waiting, claim_next, waiting_accounts
from runtime.clock import real_now, real_seconds
from runtime.killpoint import killpoint
from runtime.log import get_log

POP_SECONDS = 2
HEARTBEAT_SECONDS = 5
WORKER_TTL = 90

log = get_log("worker")
_FINAL = frozenset({"done", "cancelled", "dead"})
AT_ONCE = 16  # most jobs that a worker claims together
ALONE_SECONDS = 0.5  # seconds for which it claims one at a time after it had to give some back
SLOW = 1.0  # seconds; after a claim that took longer, further jobs are given back
SHARE = 4  # it takes at most one in so many of a queue's jobs: other workers may serve it too


class Worker:
    """Performs the jobs of one queue until SIGTERM.

    Calls `deadline` with the time by which its present work must be over (0: none); after that the
    pool kills it.
    """

    def __init__(
        self, queue: str, redis: Redis, name: str, deadline: Callable[[float], None]
    ) -> None:
        self.queue = queue
        self.redis = redis
        self.name = name
        self._deadline = deadline
        self._goes_on = False
        self._beaten_at = 0.0
        self._next = rq_view.Next()  # popped in the round trip that showed the last jobs as ended
        self._behind = 0  # how many ids were in the queue behind the popped one
        self._batch: Batch | None = None  # the last batch, until it is fully recorded
        self._alone_until = 0.0  # it claims one at a time until then
        self._patience = OutageBackoff(name, redis)
        self._turns = Turns()
        self._seen = ""  # the last `fair_to` that it looked at when more than `MOST` waited
        self._several_wait = False  # if so, it does not try `_claim_undisputed` first

    def run(self, predecessor: str = "") -> None:
        """Work until SIGTERM. First release the jobs held by a dead `predecessor`."""
        self._goes_on = True
        signal.signal(signal.SIGTERM, self._stop)
        # Ctrl-C reaches every process of the group. The pool handles it, and drains its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # may be pending since fork
        with self._patience.ride_out():
            self._inherit(predecessor)
        while self._goes_on:
            with self._patience.ride_out():
                self._step()
        for last in (self._record_unrecorded, self._say_goodbye):
            with self._patience.ride_out():
                last()

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._goes_on = False

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
            rq_repair.abandon(self.redis, released)
            self._unregister(predecessor)

    def _step(self) -> None:
        self._record_unrecorded()
        self._beat()
        identity = self._next.identity or self._pop()
        self._behind, self._next = self._next.behind, rq_view.Next()
        if identity is not None:
            killpoint("worker.after_pop")
            self.take(identity)

    def _record_unrecorded(self) -> None:
        if self._batch is not None:
            self._batch.record_unrecorded()
            self._batch = None

    def _pop(self) -> str | None:
        popped = self.redis.blpop([rq_keys.queue_key(self.queue)], timeout=POP_SECONDS)
        return cast("list[bytes]", popped)[1].decode("utf-8", "replace") if popped else None

    def take(self, identity: str) -> Outcome | None:
        """Perform the job that a queue entry names, or the job of the queue whose turn it is.

        Returns None if there was none to perform.
        """
        self._deadline(time.monotonic() + CLAIM_SECONDS)
        try:
            return self._take(identity)
        finally:
            self._deadline(0.0)

    def _take(self, identity: str) -> Outcome | None:
        if identity.startswith(TICK_PREFIX):
            self._stage_tick(identity)
            return None
        job_id = rq_keys.parse_rq_id(identity)
        job, instead = self._claim(identity, job_id) if job_id is not None else (None, None)
        # Not ours, already performed, or not due yet: only RQ's view may need correcting.
        if job is None:
            shown(lambda: self._left_alone(identity, job_id))
            return None
        killpoint("worker.after_claim")
        bind(job)
        try:
            return self._perform(job, instead)
        finally:
            clear_contextvars()

    def _stage_tick(self, identity: str) -> None:
        """Stage the job of a tick.

        If the database fails, put the tick back into its queue: there is no row yet from which the
        relay could push it again.
        """
        try:
            stage_tick(identity.removeprefix(TICK_PREFIX))
        except (OperationalError, InterfaceError):
            self.redis.lpush(rq_keys.queue_key(self.queue), identity)
            raise

    def _claim(self, identity: str, job_id: int) -> tuple[Claimed | None, rq_view.Instead | None]:
        """Claim the popped job, or the one whose turn it is; in the latter case also return what to
        do with the popped entry.
        """
        tried = not self._several_wait
        job = self._claim_undisputed(job_id) if tried else None
        if job is not None:
            return job, None
        queued = waiting_accounts(job_id, self.queue, self._seen)
        if not queued.is_known:
            return None, None
        self._several_wait = len(queued.waiting) > 1
        self._seen = queued.waiting[-1].fair_to if len(queued.waiting) == MOST else ""
        for fair_to in self._turns.order(queued.waiting):
            is_own = (queued.queue, queued.fair_to) == (self.queue, fair_to)
            own = claim_job(job_id, self.name) if is_own else None
            if own is not None:
                return own, None
            job = claim_next(queued.queue, fair_to, self.name)
            if job is not None:
                is_back = queued.fair_to is not None and job.id != job_id
                return job, rq_view.Instead(self.queue, identity, is_back)
        return (None if tried else self._claim_undisputed(job_id)), None

    def _claim_undisputed(self, job_id: int) -> Claimed | None:
        job = claim_job(job_id, self.name, False, self.queue)
        if job is not None:
            self._turns.order([Waiting(job.fair_to)])
        return job

    def _perform(self, job: Claimed, instead: rq_view.Instead | None) -> Outcome:
        begun = time.monotonic()
        try:
            batch = self._batch = self._batch_of(job)
            batch.show(instead)
            locks = batch.perform(lambda: self._goes_on)
            killpoint("worker.before_rq")
            self._next = batch.show_ended(locks, self.queue if self._goes_on else "")
        finally:
            self._turns.charge(job.fair_to, time.monotonic() - begun)
        if batch.gave_back:
            self._alone_until = time.monotonic() + ALONE_SECONDS
        return batch.first_outcome()

    def _batch_of(self, job: Claimed) -> Batch:
        """The job, with others of the same name and account if no other account's job waits."""
        alone = self._batch = Batch(self.redis, self.name, [job], self._deadline)
        job_type = find_job(job.name)
        most = min(AT_ONCE, self._behind // SHARE) - 1
        if (
            job_type is None
            or not job_type.quick
            or self._several_wait
            or most < 1
            or job.attempts > 1  # it may have killed its last worker
            or job.max_attempts == 1
            or time.monotonic() < self._alone_until
        ):
            return alone
        begun = time.monotonic()
        more = claim_more(job, self.name, most)
        if not more:
            return alone
        killpoint("worker.after_company")
        if time.monotonic() - begun > SLOW:  # the first job's lease has been running all that time
            Batch(self.redis, self.name, more, self._deadline).record_unrecorded()
            return alone
        return Batch(self.redis, self.name, [job, *more], self._deadline)

    def _left_alone(self, identity: str, job_id: int | None) -> None:
        row = StagedJob.get_or_none(StagedJob.id == job_id) if job_id is not None else None
        if row is None or rq_keys.rq_id(row.name, row.id) != identity:
            log.warning(
                "refused a queue entry that is not our job",
                identity=identity[:80],
                queue=self.queue,
            )
            rq_repair.refuse(self.redis, identity, self.queue, "not a staged job")
        elif row.state in _FINAL:
            rq_repair.correct_if_queued(self.redis, identity, self.queue, row.state)

    def _beat(self) -> None:
        """Send a heartbeat. If Redis refuses the write, work goes on: the next pop frees memory in
        a full Redis.
        """
        try:
            self._heartbeat()
        except ResponseError as error:
            self._patience.log_failure(error)
            self._beaten_at = time.monotonic()

    def _heartbeat(self) -> None:
        if time.monotonic() - self._beaten_at < HEARTBEAT_SECONDS:
            return
        key = rq_keys.worker_key(self.name)
        now = utcformat(real_now())
        # Missing if this worker is new, or Redis was emptied. The key alone proves nothing, because
        # showing a job as started writes to it too.
        if not self.redis.hexists(key, "birth"):
            self._register(key, now)
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"last_heartbeat": now, "state": "idle"})
            pipe.expire(key, WORKER_TTL)
            pipe.sadd(rq_keys.WORKERS_KEY, key)
            pipe.sadd(rq_keys.workers_key(self.queue), key)
            pipe.zremrangebyscore(rq_keys.ended_key("finished", self.queue), 0, real_seconds())
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
        key = rq_keys.worker_key(name)
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.srem(rq_keys.WORKERS_KEY, key)
            pipe.srem(rq_keys.workers_key(self.queue), key)
            pipe.delete(key, f"{key}:executions")
            pipe.execute()

    def _say_goodbye(self) -> None:
        if self._next.identity is not None:
            self.redis.lpush(rq_keys.queue_key(self.queue), self._next.identity)
            self._next = rq_view.Next()
        self._unregister(self.name)
