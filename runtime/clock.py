"""Two clocks that are never mixed: real time and business time.

Real time governs leases, backoff, signatures and timeouts. Business time governs due dates, contact
hours and promises; a demo or a test can shift it, even while its processes run.
"""

import time
from datetime import UTC, datetime, timedelta

from runtime.clock_shift import shared_shift
from runtime.settings import get_settings

_shift: timedelta | None = None  # None: as the settings say


def real_now() -> datetime:
    """The real time, UTC."""
    return datetime.now(UTC)


def real_seconds() -> float:
    """Seconds since the epoch, real time."""
    return time.time()


def business_now() -> datetime:
    """Business time, UTC: real time plus the current shift."""
    return datetime.now(UTC) + (_business_shift() if _shift is None else _shift)


def _business_shift() -> timedelta:
    """How far the settings put business time ahead of real time; always 0 in production."""
    settings = get_settings()
    if settings.payphone_env == "production":
        return timedelta(0)
    path = settings.payphone_business_clock
    return timedelta(
        seconds=shared_shift(path).seconds if path else settings.payphone_business_shift
    )


def rfc3339(moment: datetime) -> str:
    """Format a UTC time in RFC 3339, such as 2026-11-22T08:15:30.123456Z."""
    return moment.isoformat().replace("+00:00", "Z")


def move_business_time(shift: timedelta | None) -> None:
    """Shift business time in this process, or (None) return to the settings' shift; tests only.

    The processes of a demo share the file named by PAYPHONE_BUSINESS_CLOCK instead.
    """
    global _shift  # noqa: PLW0603 - one clock per process is the point
    _shift = shift
