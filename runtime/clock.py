"""Two clocks that are never mixed.

Real time rules leases, backoff, signatures and timeouts. Business time rules due dates, contact
hours and promises; a demo or a simulation may move it.
"""

import time
from datetime import UTC, datetime, timedelta

from runtime.settings import get_settings

OLDEST = 2000  # the year before which a time is a mistyped one

_shift: timedelta | None = None  # until it is moved, what the settings say


def real_now() -> datetime:
    """The real time, UTC."""
    return datetime.now(UTC)


def real_seconds() -> float:
    """Seconds since the epoch, real time."""
    return time.time()


def business_now() -> datetime:
    """The time the business lives in, UTC."""
    return datetime.now(UTC) + (get_settings().business_shift if _shift is None else _shift)


def rfc3339(moment: datetime) -> str:
    """A UTC time such as 2026-11-22T08:15:30.123456Z."""
    return moment.isoformat().replace("+00:00", "Z")


def move_business_time(shift: timedelta) -> None:
    """Let business time run `shift` ahead of real time; tests only. A demo uses the setting
    PAYPHONE_BUSINESS_SHIFT.
    """
    global _shift  # noqa: PLW0603 - one clock per process is the point
    _shift = shift
