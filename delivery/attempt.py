"""One attempt at a claimed job: perform it and settle its row under the claim."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType

from peewee import OperationalError, PeeweeException

from delivery.backoff import CONFLICT_DELAY, UNKNOWN_DELAY, backoff
from delivery.registry import JobType
from models.database_errors import explain, is_conflict, is_outage, lacks_tables
from models.delivery.attempt import Claimed, fail_job, finish_job, return_job, snooze_job
from models.transactions import retry_on_conflict, transaction
from rules.cards.card_numbers import redact
from rules.storable import storable_text
from runtime.errors import Conflict, NotYet, PayphoneError, SomeFailed
from runtime.killpoint import killpoint
from runtime.log import get_log, hide_secrets

UNKNOWN = "this release has no such job"
DATABASE_AWAY = "the database was away"
UNKNOWN_ARGUMENTS = "this release's job does not take these arguments"

log = get_log("job")


class Snooze(PayphoneError):
    """The job cannot run now (a lock is busy, a limit is reached): retry in `delay` seconds without
    using up an attempt.

    `onward`, if not empty, replaces the job's arguments. `then` is called once the row says that
    the job waits.
    """

    def __init__(
        self,
        reason: str,
        delay: float,
        onward: Sequence[str | int] = (),
        then: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(reason)
        self.delay = delay
        self.onward = onward
        self.then = then


class ClaimLost(PayphoneError):
    """Another attempt has taken over the job; all that this one has written is rolled back."""


class JobTimeout(BaseException):
    """The attempt ran out of time. A BaseException, so that no `except Exception` swallows it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: done, snoozed, failed, dead, lost, or returned (not begun).

    The job is due again in `delay` seconds.
    """

    state: str
    error: str = ""
    delay: float = 0.0


@dataclass(slots=True)
class BatchContext:
    """What jobs that a worker has claimed together share with it.

    `unrecorded` collects jobs that are done but have written nothing of their own; the worker
    records them with `record_all`. A job calls `release_rest` before it waits for a provider.
    """

    unrecorded: list[Claimed]
    release_rest: Callable[[], None]


@dataclass(slots=True)
class _Attempt:
    job: Claimed
    locks: dict[str, str] | None
    context: BatchContext | None = None
    recorded: bool = False


_current: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


@contextmanager
def recording() -> Iterator[None]:
    """The transaction that ends a job: what is written inside it commits together with the state
    `done`.

    Raises ClaimLost, and rolls back, when another attempt has taken over. Outside `perform` (a test
    that calls a job's function) it is a plain transaction.
    """
    attempt = _current.get()
    with transaction():
        yield
        if attempt is not None:
            if not finish_job(attempt.job):
                raise ClaimLost(
                    f"Job {attempt.job.name} {attempt.job.id}: claim {attempt.job.claim} was taken"
                    " over."
                )
            killpoint("job.before_commit")
    if attempt is not None:
        attempt.recorded = True
        killpoint("job.after_commit")


def attempt_number() -> int:
    """The number of the running job's attempt, from 1 (0 outside a job)."""
    attempt = _current.get()
    return attempt.job.attempts if attempt else 0


def own_queue() -> str:
    """The queue of the running job, for the jobs that it stages and waits for; '' outside a job."""
    attempt = _current.get()
    return attempt.job.queue if attempt else ""


def release_batch() -> None:
    """Give back the jobs that the worker has claimed along with the running one, before this one
    waits for a provider.
    """
    attempt = _current.get()
    if attempt is not None and attempt.context is not None:
        attempt.context.release_rest()


def defer_release(key: str, token: str) -> bool:
    """Defer the release of a lock to the round trip to Redis that shows the running job as over.

    Returns False unless the job is recorded as done; the caller must then release the lock itself.
    """
    attempt = _current.get()
    if attempt is None or attempt.locks is None or not attempt.recorded:
        return False
    attempt.locks[key] = token
    return True


def perform(
    job: Claimed,
    job_type: JobType,
    alarm: bool = True,
    locks: dict[str, str] | None = None,
    context: BatchContext | None = None,
) -> Outcome:
    """Run a claimed job and record in its row how it ended, even if it raised.

    With `alarm`, a signal interrupts the job when its time is up. A thread of a web process cannot
    use signals and relies on the timeouts of what it calls. `locks`, if given, receives the locks
    and their tokens that the caller must release.
    """
    attempt = _Attempt(job, locks, context)
    token = _current.set(attempt)
    try:
        with _deadline(job_type.timeout) if alarm else nullcontext():
            job_type.perform(*job.args)
            if context is None and not attempt.recorded:
                with recording():
                    pass
    # Unforeseen errors too: however a job ends, its row must say so.
    except (Exception, JobTimeout) as error:  # noqa: BLE001
        return _settle(attempt, job_type, error)
    finally:
        _current.reset(token)
    if context is not None and not attempt.recorded:
        context.unrecorded.append(job)
    return Outcome("done")


def record_all(
    done: Sequence[Claimed], unbegun: Sequence[Claimed], are_pushed: bool = True
) -> dict[int, Outcome]:
    """Record the `done` jobs as done and give back the `unbegun` ones, which uses up no attempt, in
    one commit.

    Returns the outcome of each job by its id. The caller pushes the jobs given back if
    `are_pushed`; otherwise the relay does.
    """

    def record() -> dict[int, Outcome]:
        with transaction():
            finished = {job.id: _held(finish_job(job), Outcome("done")) for job in done}
            given_back = {
                job.id: _held(return_job(job, are_pushed), Outcome("returned")) for job in unbegun
            }
        return finished | given_back

    return retry_on_conflict(record) if done or unbegun else {}


def _settle(attempt: _Attempt, job_type: JobType, error: BaseException) -> Outcome:
    """Record in the row how an attempt that raised `error` ended."""
    job = attempt.job
    match error:
        case _ if attempt.recorded:
            log.error("job raised after it was recorded as done", exc_info=error)
            return Outcome("done")
        case ClaimLost():
            return Outcome("lost", str(error))
        case Snooze() | Conflict():
            snooze = error if isinstance(error, Snooze) else Snooze(str(error), CONFLICT_DELAY)
            why, delay = _storable(str(snooze)), snooze.delay
            held = snooze_job(job, why, delay, snooze.onward)
            if snooze.then is not None:
                snooze.then()
            return _held(held, Outcome("snoozed", why, delay))
        case _ if later := _not_its_fault(job, job_type, error):
            return _snooze(job, *later)
        case _:
            return _failed(job, error, backoff(job_type, job.attempts))


def _not_its_fault(
    job: Claimed, job_type: JobType, error: BaseException
) -> tuple[str, float] | None:
    """Return the reason and the delay in seconds if `error` is not the job's fault, so that it uses
    up no attempt; None if the attempt failed.
    """
    if isinstance(error, OperationalError) and is_conflict(error):
        return explain(error), CONFLICT_DELAY
    if isinstance(error, OperationalError) and lacks_tables(error) and _is_of_another_release():
        return explain(error), UNKNOWN_DELAY  # the database may be migrated by then
    if isinstance(error, TypeError) and not job_type.takes(job.args):
        return UNKNOWN_ARGUMENTS, UNKNOWN_DELAY
    if is_outage(error):
        return DATABASE_AWAY, backoff(job_type, job.attempts)
    return None


def _is_of_another_release() -> bool:
    """Whether the database's schema differs from this release's; True if that is unknown."""
    from models.migrate import newer, pending  # noqa: PLC0415 - nothing else here reads migrations

    try:
        return bool(pending() or newer())
    except PeeweeException:
        return True


def snooze_unknown(job: Claimed) -> Outcome:
    """Put off a job that this release does not know for a minute, without using up an attempt, so
    that a worker of a release that knows it can take it.
    """
    return _snooze(job, UNKNOWN, UNKNOWN_DELAY)


def give_back(job: Claimed, job_type: JobType) -> Outcome:
    """Give back a job whose attempt has ended while the database was away, so that nothing could be
    recorded. It counts as an attempt, because the job may be what brings the database down. If the
    attempt was recorded all the same, or another has begun, nothing changes.
    """
    return _failed(job, NotYet(DATABASE_AWAY), backoff(job_type, job.attempts))


def _snooze(job: Claimed, why: str, delay: float) -> Outcome:
    log.warning(why, delay_seconds=round(delay, 1))
    return _held(snooze_job(job, why, delay), Outcome("snoozed", why, delay))


def _failed(job: Claimed, error: BaseException, delay: float) -> Outcome:
    state = "dead" if job.attempts >= job.max_attempts else "failed"
    text = _storable(f"{type(error).__name__}: {error}")[:500]
    # Errors raised on purpose explain themselves; only others need a traceback.
    unexpected = None if isinstance(error, PayphoneError) else error
    log.warning(
        "attempt failed",
        error=text,
        exc_info=unexpected,
        attempt=job.attempts,
        of=job.max_attempts,
        state=state,
    )
    anew = isinstance(error, SomeFailed)  # the failed rows lie before where the scan stopped
    return _held(fail_job(job, text, delay, anew), Outcome(state, type(error).__name__, delay))


def _storable(words: str) -> str:
    """Make an error's text safe to store: no key, no card number, nothing that a database rejects.

    The text may quote the data that the job was working on.
    """
    return redact(hide_secrets(storable_text(words)))


def _held(held: bool, outcome: Outcome) -> Outcome:
    return outcome if held else Outcome("lost", "the claim was taken over")


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
    def ring(_signum: int, _frame: FrameType | None) -> None:
        raise JobTimeout(f"The attempt took longer than {seconds} s.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
