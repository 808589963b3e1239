"""The jobs that a worker has claimed, usually one: show them in RQ as started, perform them one
after the other, record them, and show them as ended.

Jobs that it does not reach within one turn, or before one of them waits for a provider, are given
back.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from peewee import InterfaceError, OperationalError, PeeweeException
from redis import Redis
from redis.exceptions import RedisError
from structlog.contextvars import bind_contextvars

from delivery.attempt import BatchContext, Outcome, give_back, perform, record_all, snooze_unknown
from delivery.registry import find_job
from delivery.rq import view as rq_view
from delivery.turns import LEAST
from models.database_errors import explain
from models.delivery.attempt import LEASE, Claimed
from models.delivery.staged_job import reschedule
from runtime.killpoint import killpoint
from runtime.log import bound, get_log

# Allowed for everything around the job itself, such as claiming it. The database aborts a statement
# sooner, so only a process that hangs exceeds this.
CLAIM_SECONDS = 30.0
_MOST_FAILURES = 2  # after so many failed records, the rest are left to their leases

log = get_log("worker")
Shown = TypeVar("Shown")


class Batch:
    """Jobs of one queue that the worker `name` has claimed.

    Calls `deadline` with the time by which a job must be over, as `Worker` does.
    """

    def __init__(
        self, redis: Redis, name: str, jobs: list[Claimed], deadline: Callable[[float], None]
    ) -> None:
        self._redis, self._name, self._jobs = redis, name, jobs
        self._deadline = deadline
        self._open = list(jobs)  # shown as started, but not yet as ended
        self._unbegun = list(jobs)
        self._unrecorded: list[Claimed] = []
        self._interrupted: Claimed | None = None  # its end could not be recorded
        self._claimed_at = time.monotonic()
        self._executions: dict[int, rq_view.Execution] = {}
        self._outcomes: dict[int, Outcome] = {}
        self.gave_back = False  # whether some jobs were given back

    def show(self, instead: rq_view.Instead | None) -> None:
        """Show the jobs as started; the first was claimed `instead` of the one that was popped."""
        begun = shown(lambda: rq_view.start(self._redis, self._jobs, self._name, instead))
        self._executions = {
            job.id: execution for job, execution in zip(self._jobs, begun or (), strict=False)
        }

    def perform(self, goes_on: Callable[[], bool]) -> dict[str, str]:
        """Perform jobs until one turn's time is up or the worker no longer `goes_on`, but at least
        one.

        Returns the locks to release when the jobs are shown as ended.
        """
        # in a batch of several, each lock is released at once: the next job may need it
        locks: dict[str, str] | None = None if self._unbegun[1:] or not self._executions else {}
        until = time.monotonic() + LEAST
        while self._unbegun:
            job = self._unbegun.pop(0)
            bind(job)
            begun = time.monotonic()
            self._outcomes[job.id] = self._perform_one(job, locks)
            seconds = round(time.monotonic() - begun, 4)
            log.info("job", state=self._outcomes[job.id].state, seconds=seconds)
            if self._unbegun:
                killpoint("worker.in_company")
            if time.monotonic() >= until or not goes_on():
                break
        if self._jobs[1:]:
            killpoint("worker.before_records")
            self._record()
        return locks or {}

    def _perform_one(self, job: Claimed, locks: dict[str, str] | None) -> Outcome:
        job_type = find_job(job.name)
        if job_type is None:
            return snooze_unknown(job)
        context = None
        if self._jobs[1:]:
            context = BatchContext(self._unrecorded, lambda: self._settle_others(job))
        self._deadline(time.monotonic() + job_type.timeout)
        try:
            return perform(job, job_type, locks=locks, context=context)
        except (OperationalError, InterfaceError):
            self._interrupted = job
            raise
        finally:
            self._deadline(time.monotonic() + CLAIM_SECONDS)

    def _settle_others(self, job: Claimed) -> None:
        """Settle all other jobs before `job` waits for a provider."""
        self._record()
        self._show_ended([other for other in self._open if other is not job], is_last=False)

    def _record(self) -> None:
        self.gave_back |= bool(self._unbegun)
        self._outcomes |= record_all(self._unrecorded, self._unbegun)
        self._unrecorded.clear()
        self._unbegun.clear()

    def record_unrecorded(self) -> None:
        """Record what the database could not record before, one job at a time, so that one failure
        does not block the others.

        A job that still cannot be recorded is performed again when its lease expires. Raises
        PeeweeException while that may still change for a job that the outage has interrupted: call
        this again.
        """
        left: list[tuple[list[Claimed], list[Claimed]]]
        left = [([job], []) for job in self._unrecorded] + [([], [job]) for job in self._unbegun]
        self._unrecorded, self._unbegun, failures = [], [], 0
        for done, unbegun in left:
            try:
                record_all(done, unbegun, are_pushed=False)
            except PeeweeException as error:
                failures += 1
                log.warning(explain(error), jobs=[job.id for job in done + unbegun])
                if failures == _MOST_FAILURES:
                    break
        self._give_back_interrupted()

    def _give_back_interrupted(self) -> None:
        """Give back the job that an outage has interrupted, so that it need not wait for the end of
        its lease, unless that has come.
        """
        job_type = find_job(self._interrupted.name) if self._interrupted else None
        if self._interrupted is None or job_type is None:
            return
        try:
            with bound(job=self._interrupted.name, job_id=self._interrupted.id):
                give_back(self._interrupted, job_type)
        except PeeweeException:
            if time.monotonic() - self._claimed_at < LEASE:
                raise
        self._interrupted = None

    def show_ended(self, locks: dict[str, str], pops: str) -> rq_view.Next:
        """Show the remaining jobs as ended, release `locks`, and pop the next id from the queue
        `pops`, unless that is ''.
        """
        return self._show_ended(self._open, locks=locks, pops=pops)

    def _show_ended(
        self,
        jobs: list[Claimed],
        *,
        locks: dict[str, str] | None = None,
        pops: str = "",
        is_last: bool = True,
    ) -> rq_view.Next:
        over = [job for job in jobs if job.id in self._outcomes]
        self._open = [job for job in self._open if job not in over]
        endings = [
            _ending(job, self._executions[job.id], self._outcomes[job.id])
            for job in over
            if job.id in self._executions
        ]
        closing = rq_view.Closing(locks or {}, pops, is_last)
        ended = shown(lambda: rq_view.end(self._redis, endings, closing)) if endings else None
        if ended is None:
            for job in over:
                if self._outcomes[job.id].state == "returned":
                    reschedule("id = ?", (job.id,))  # not in RQ's queue: the relay must push it
        return ended or rq_view.Next()

    def first_outcome(self) -> Outcome:
        """The outcome of the first job."""
        return self._outcomes[self._jobs[0].id]


def shown(act: Callable[[], Shown]) -> Shown | None:
    """Return the result of `act`, or None if Redis fails.

    The rows decide; RQ's view is corrected by the relay, or expires.
    """
    try:
        return act()
    except RedisError as error:
        log.warning("RQ's view could not be updated", error=type(error).__name__)
        return None


def bind(job: Claimed) -> None:
    """Add the job to each line of the log."""
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
        case "returned":
            return rq_view.returned(job, execution)
        case _:
            return rq_view.dropped(job, execution)
