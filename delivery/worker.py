"""A warm worker: one process for one queue. It pops an id, claims the row whose turn it is,
performs the job and records how it ended.

The row is claimed before anything of RQ's is touched: a second copy of a job is refused by its row
and leaves no trace in RQ.

Where many quick jobs of one account wait, and nobody else's, it takes several at once: they are
claimed together, shown together as begun and as over, and those that wrote nothing are recorded
together. Each is performed by itself, in its own transactions, and fails by itself; those that it
does not come to within one turn's time are given back.
"""

import os
import platform
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar, cast

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rq.utils import utcformat
from rq.version import VERSION
from structlog.contextvars import bind_contextvars, clear_contextvars

from delivery.attempt import Outcome, perform, put_off_unknown, record_all
from delivery.outages import Patience
from delivery.registry import find_job
from delivery.rq import keys as rq_keys
from delivery.rq import mend as rq_mend
from delivery.rq import view as rq_view
from delivery.tick import TICK_PREFIX, take_tick
from delivery.turns import LEAST, Turns
from models.delivery.attempt import Claimed, claim_job, claim_more, release_worker
from models.delivery.staged_job import Pushable, StagedJob
from models.delivery.turns import MOST, Waiting, claim_next, who_waits
from runtime.clock import real_now, real_seconds
from runtime.killpoint import killpoint
from runtime.log import get_log

POP_SECONDS = 2
HEARTBEAT_SECONDS = 5
WORKER_TTL = 90
# Allowed for everything around the job itself, such as claiming it. The database gives up a
# statement sooner, so only a process that hangs gets here.
CLAIM_SECONDS = 30.0

log = get_log("worker")
Shown = TypeVar("Shown")
_FINAL = frozenset({"done", "cancelled", "dead"})
AT_ONCE = 16  # jobs that a worker takes together at most
SHARE = 4  # of a queue's jobs it takes no more than one in so many: others may serve it too


class Worker:
    """Performs the jobs of one queue until SIGTERM.

    It calls `deadline` with the time by which its present work must be over (0: none); the pool
    kills it after that.
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
        self._next = rq_view.Next()  # popped in the trip that showed the last jobs as over
        self._behind = 0  # how many were in the queue behind the one that was popped
        # of jobs in company: performed and not yet recorded, and not yet begun
        self._unrecorded: list[Claimed] = []
        self._unbegun: list[Claimed] = []
        self._patience = Patience(name, redis)
        self._turns = Turns()
        self._seen = ""  # whom of those who wait it looked at last
        self._several_wait = False  # when it last looked: it need not try whether one waits alone

    def run(self, predecessor: str = "") -> None:
        """Work until SIGTERM. The jobs that a dead `predecessor` held are released first."""
        self._goes_on = True
        signal.signal(signal.SIGTERM, self._stop)
        # Ctrl-C reaches every process of the group. The pool answers it, and drains its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # one may wait since the fork
        with self._patience.out():
            self._inherit(predecessor)
        while self._goes_on:
            with self._patience.out():
                self._step()
        with self._patience.out():
            self._say_goodbye()

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
            rq_mend.abandon(self.redis, released)
            self._unregister(predecessor)

    def _step(self) -> None:
        self._record_all()  # what the database's absence has left
        self._beat()
        identity = self._next.identity or self._pop()
        self._behind, self._next = self._next.behind, rq_view.Next()
        if identity is not None:
            killpoint("worker.after_pop")
            self.take(identity)

    def _pop(self) -> str | None:
        popped = self.redis.blpop([rq_keys.queue_key(self.queue)], timeout=POP_SECONDS)
        return cast("list[bytes]", popped)[1].decode("utf-8", "replace") if popped else None

    def take(self, identity: str) -> Outcome | None:
        """Perform the job that a queue entry names, or one of the queue whose turn it is; None when
        there was none to perform.
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
        job, instead = self._claim(identity, job_id) if job_id is not None else (None, None)
        # Not ours, performed already, or not due yet: only what RQ shows may need correcting.
        if job is None:
            self._show(lambda: self._left_alone(identity, job_id))
            return None
        killpoint("worker.after_claim")
        _bind(job)
        try:
            return self._perform(job, instead)
        finally:
            clear_contextvars()

    def _claim(self, identity: str, job_id: int) -> tuple[Claimed | None, rq_view.Instead | None]:
        """Claim the job that was popped, or the one whose turn it is: then also what becomes of the
        popped one.
        """
        tried = not self._several_wait
        job = self._claim_undisputed(job_id) if tried else None
        if job is not None:
            return job, None
        queued = who_waits(job_id, self.queue, self._seen)
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
            return self._attempt([job, *self._company(job)], instead)
        finally:
            self._turns.charge(job.fair_to, time.monotonic() - begun)

    def _company(self, job: Claimed) -> list[Claimed]:
        """Jobs that are performed along with this one: of its kind, where nobody else waits."""
        job_type = find_job(job.name)
        most = min(AT_ONCE, self._behind // SHARE) - 1
        if job_type is None or not job_type.quick or self._several_wait or most < 1:
            return []
        return claim_more(job, self.name, most)

    def _attempt(self, jobs: list[Claimed], instead: rq_view.Instead | None) -> Outcome:
        begun = self._show(lambda: rq_view.start(self.redis, jobs, self.name, instead))
        # the lock of a job that has company is released at once: the next one may need it
        locks: dict[str, str] | None = None if begun is None or len(jobs) > 1 else {}
        outcomes = self._perform_each(jobs, locks)
        killpoint("worker.before_rq")
        if begun is not None:
            endings = [
                _ending(job, execution, outcomes[job.id])
                for job, execution in zip(jobs, begun, strict=True)
            ]
            closing = rq_view.Closing(locks or {}, self.queue if self._goes_on else "")
            unbegun = [job for job in jobs if outcomes[job.id].state == "returned"]
            shown = self._show(lambda: self._end(endings, closing, unbegun))
            self._next = shown or rq_view.Next()
        return outcomes[jobs[0].id]

    def _perform_each(
        self, jobs: list[Claimed], locks: dict[str, str] | None
    ) -> dict[int, Outcome]:
        """How each of these jobs ended, by its id: performed, recorded and logged."""
        outcomes: dict[int, Outcome] = {}
        seconds: dict[int, float] = {}
        until = time.monotonic() + LEAST
        self._unbegun = jobs
        while self._unbegun and (not outcomes or (time.monotonic() < until and self._goes_on)):
            job, *self._unbegun = self._unbegun
            _bind(job)
            started = time.monotonic()
            outcomes[job.id] = self._perform_one(job, locks, len(jobs) == 1)
            seconds[job.id] = time.monotonic() - started
            if self._unbegun:
                killpoint("worker.in_company")
        if len(jobs) > 1:
            killpoint("worker.before_records")
            outcomes |= self._record_all()
        for job in jobs[: len(seconds)]:
            _bind(job)
            log.info("job", state=outcomes[job.id].state, seconds=round(seconds[job.id], 4))
        return outcomes

    def _end(
        self, endings: list[rq_view.Ending], closing: rq_view.Closing, unbegun: list[Claimed]
    ) -> rq_view.Next:
        """Show these attempts as over; those that were given back are next in the queue again."""
        if unbegun:
            back = [Pushable(job.id, job.name, job.queue, ahead=True) for job in reversed(unbegun)]
            rq_view.push(self.redis, back)
        return rq_view.end(self.redis, endings, closing)

    def _record_all(self) -> dict[int, Outcome]:
        outcomes = record_all(self._unrecorded, self._unbegun)
        self._unrecorded, self._unbegun = [], []
        return outcomes

    def _perform_one(self, job: Claimed, locks: dict[str, str] | None, is_alone: bool) -> Outcome:
        job_type = find_job(job.name)
        if job_type is None:
            return put_off_unknown(job)
        self._deadline(time.monotonic() + job_type.timeout)
        try:
            return perform(
                job, job_type, locks=locks, unrecorded=None if is_alone else self._unrecorded
            )
        finally:
            self._deadline(time.monotonic() + CLAIM_SECONDS)

    def _show(self, act: Callable[[], Shown]) -> Shown | None:
        try:
            return act()
        except RedisError as error:
            # The row decides. What RQ shows is corrected by the relay, or expires.
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
        """Send a heartbeat. One that Redis refuses to write stops no work: the next pop frees
        memory in a full Redis.
        """
        try:
            self._heartbeat()
        except ResponseError as error:
            self._patience.complain(error)
            self._beaten_at = time.monotonic()

    def _heartbeat(self) -> None:
        if time.monotonic() - self._beaten_at < HEARTBEAT_SECONDS:
            return
        key = rq_keys.worker_key(self.name)
        now = utcformat(real_now())
        # Missing when we are new, or when Redis was emptied. The key alone proves nothing: showing
        # a job as started writes to it too.
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


def _bind(job: Claimed) -> None:
    """Say in each line of the log whose it is."""
    bind_contextvars(job=job.name, job_id=job.id, attempt=job.attempts, request_id=job.request_id)


def _ending(job: Claimed, execution: rq_view.Execution, outcome: Outcome) -> rq_view.Ending:
    match outcome.state:
        case "done":
            return rq_view.finished(job, execution)
        case "failed" | "dead":
            due = None if outcome.state == "dead" else outcome.delay
            return rq_view.failed(job, execution, outcome.error, due)
        case "snoozed":
            return rq_view.snoozed(job, execution)
        case _:
            return rq_view.dropped(job, execution)
