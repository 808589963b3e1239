"""Two clocks that are never mixed.

Real time rules leases, backoff, signatures and timeouts. Business time rules due dates, contact
hours and promises; a demo or a test may move it, also while its processes run.
"""

import time
from datetime import UTC, datetime, timedelta

from runtime.clock_shift import shared_shift
from runtime.settings import get_settings

_shift: timedelta | None = None  # until it is moved, what the settings say


def real_now() -> datetime:
    """The real time, UTC."""
    return datetime.now(UTC)


def real_seconds() -> float:
    """Seconds since the epoch, real time."""
    return time.time()


def business_now() -> datetime:
    """The time the business lives in, UTC."""
    return datetime.now(UTC) + (_business_shift() if _shift is None else _shift)


def _business_shift() -> timedelta:
    """How far business time runs ahead of real time; never anywhere but in a demo or a test."""
    settings = get_settings()
    if settings.payphone_env == "production":
        return timedelta(0)
    path = settings.payphone_business_clock
    return timedelta(
        seconds=shared_shift(path).seconds if path else settings.payphone_business_shift
    )


def rfc3339(moment: datetime) -> str:
    """A UTC time such as 2026-11-22T08:15:30.123456Z."""
    return moment.isoformat().replace("+00:00", "Z")


def move_business_time(shift: timedelta | None) -> None:
    """Let business time run `shift` ahead of real time in this process, or (None) as
    the settings say; tests only. The processes of a demo share the file of PAYPHONE_BUSINESS_CLOCK.
    """
    global _shift  # noqa: PLW0603 - one clock per process is the point
    _shift = shift
