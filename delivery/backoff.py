"""How long a job waits before its next attempt, in seconds."""

import random

from delivery.registry import JobType

MAX_BACKOFF = 3600.0
UNKNOWN_DELAY = 60.0  # this release does not know the job; a newer one that is being rolled out may
CONFLICT_DELAY = 0.2  # another writer was first: retry soon, without using up an attempt


def backoff(job_type: JobType, attempts: int) -> float:
    """The delay after `attempts` failed attempts: doubling, at most an hour, jittered by ±25 %."""
    full = min(MAX_BACKOFF, job_type.backoff * 2.0 ** (attempts - 1))
    return full * random.uniform(0.75, 1.25)  # noqa: S311 - spreading load, not a secret
