"""How long a job waits before it is tried again, in seconds."""

import random

from delivery.registry import JobType

MAX_BACKOFF = 3600.0
UNKNOWN_DELAY = 60.0  # this release has no such job; another one that is rolled out may have
CONFLICT_DELAY = 0.2  # another writer was first: try again soon, at no cost


def backoff(job_type: JobType, attempts: int) -> float:
    """After so many failed attempts: doubling, with jitter of a quarter, at most an hour."""
    full = min(MAX_BACKOFF, job_type.backoff * 2.0 ** (attempts - 1))
    return full * random.uniform(0.75, 1.25)  # noqa: S311 - spreading load, not a secret
