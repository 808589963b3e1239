"""The registry of jobs. Nothing else is ever run, whatever the queue holds."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.delivery.job_names import register_names
from models.delivery.stage import Policy, register_policy
from runtime.settings import QUEUES

MAX_TIMEOUT = 20  # seconds; below the lease, so that an attempt is over before another can start


@dataclass(frozen=True, slots=True)
class JobType:
    """A job's policy: its queue, its maximum number of attempts, and the timeout of an attempt
    (seconds).

    `calls_out` says whether it calls a provider, rather than only our own database and Redis.
    `formerly` lists its names in earlier releases. A worker may claim several `quick` jobs at once
    (`delivery.worker`).
    """

    name: str
    queue: str
    attempts: int
    timeout: int
    backoff: float
    perform: Callable[..., None]
    calls_out: bool = False
    formerly: tuple[str, ...] = ()
    quick: bool = False

    def takes(self, args: Sequence[object]) -> bool:
        """Whether the function accepts these arguments; a newer release may pass more."""
        try:
            inspect.signature(self.perform).bind_partial(*args)
        except TypeError:
            return False
        return True


_jobs: dict[str, JobType] = {}


def job(
    *,
    queue: str,
    calls_out: bool,
    attempts: int = 8,
    timeout: int = 10,
    backoff: float = 2.0,
    formerly: tuple[str, ...] = (),
    quick: bool = False,
) -> Callable[[Callable[..., None]], JobType]:
    """Make a function a job of `queue`.

    Delays between attempts double from `backoff` seconds. `calls_out` must be true of a job that
    calls a provider and false of any other; a test reads the code to check that. `formerly` lists
    its names in earlier releases, newest first: the job is found by each of them, and staged once
    under all of them together (see `models.delivery.job_names`). `quick` means that it takes
    milliseconds and rarely waits for a provider. Raises ValueError for an unknown queue, a timeout
    out of range, or a name that another job has.
    """
    if queue not in QUEUES or not 0 < timeout <= MAX_TIMEOUT:
        raise ValueError(
            f"Queue {queue!r} must be one of {QUEUES}, timeout {timeout} at most {MAX_TIMEOUT} s."
        )

    def register(function: Callable[..., None]) -> JobType:
        made = JobType(
            function.__name__,
            queue,
            attempts,
            timeout,
            backoff,
            function,
            calls_out,
            formerly,
            quick,
        )
        names = made.name, *formerly
        for name in names:
            known = _jobs.get(name, made)
            if (known.name, known.perform.__module__) != (made.name, function.__module__):
                raise ValueError(
                    f"Job {made.name} of {function.__module__}: {name} is a name of job"
                    f" {known.name} of {known.perform.__module__}."
                )
        _jobs.update(dict.fromkeys(names, made))
        register_names(names)
        for name in names:
            register_policy(name, Policy(queue, attempts))
        return made

    return register


def find_job(name: str) -> JobType | None:
    """The job with this present or former name, or None."""
    return _jobs.get(name)


def job_names() -> list[str]:
    """The present names of all jobs, sorted."""
    return sorted({known.name for known in _jobs.values()})
