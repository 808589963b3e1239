"""The jobs there are. Nothing else is ever run, whatever stands in the queue."""

from collections.abc import Callable
from dataclasses import dataclass

from models.delivery.stage import Policy, allow
from runtime.settings import QUEUES

MAX_TIMEOUT = 20  # seconds; below the lease, so that a job is over before another may start


@dataclass(frozen=True, slots=True)
class JobType:
    """A job's policy: where it runs, how often it is tried, how long one try may take (seconds)."""

    name: str
    queue: str
    attempts: int
    timeout: int
    backoff: float
    perform: Callable[..., None]


_jobs: dict[str, JobType] = {}


def job(
    queue: str, attempts: int = 8, timeout: int = 10, backoff: float = 2.0
) -> Callable[[Callable[..., None]], JobType]:
    """Make a function a job of `queue`. Waits between attempts double from `backoff` seconds."""
    if queue not in QUEUES or not 0 < timeout <= MAX_TIMEOUT:
        raise ValueError(
            f"Queue {queue!r} must be one of {QUEUES}, timeout {timeout} at most {MAX_TIMEOUT} s."
        )

    def register(function: Callable[..., None]) -> JobType:
        made = JobType(function.__name__, queue, attempts, timeout, backoff, function)
        _jobs[made.name] = made
        allow(made.name, Policy(queue, attempts))
        return made

    return register


def find_job(name: str) -> JobType | None:
    """The job of this name, if it is one of ours."""
    return _jobs.get(name)


def job_names() -> list[str]:
    """Every job there is, sorted."""
    return sorted(_jobs)
