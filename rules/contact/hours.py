"""Lawful hours: daytime in every zone where a person may be; and how long a requested contact may
wait for them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

REQUEST_LIFETIME = timedelta(hours=1)  # a contact requested longer ago is no longer made
DAY = timedelta(days=1)
MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Hours:
    """Local hours; `margin`: how long before closing the last contact may begin."""

    opens: int = 8
    closes: int = 21
    margin: timedelta = timedelta(minutes=3)


LAWFUL = Hours()  # 12 CFR 1006.6(b)(1)(i)


def closing(zones: Collection[str], now: datetime, hours: Hours = LAWFUL) -> datetime | None:
    """When the lawful hours end in the first of `zones` to close; None if it is not a lawful hour
    in all of them, or nearly over.
    """
    ends = []
    for zone in zones:
        local = now.astimezone(ZoneInfo(zone))
        end = _at(local, hours.closes)
        if now < _at(local, hours.opens) or end - now < hours.margin:
            return None
        ends.append(end)
    return min(ends, default=None)


def next_opening(zones: Collection[str], after: datetime, hours: Hours = LAWFUL) -> datetime | None:
    """The first moment at or after `after` that is lawful in all of `zones`; None if there is none
    within three days.
    """
    if closing(zones, after, hours) is not None:
        return after
    openings = (
        _at(after.astimezone(ZoneInfo(zone)) + days * DAY, hours.opens)
        for zone in zones
        for days in range(4)
    )
    return next(
        (
            moment
            for moment in sorted(openings)
            if moment > after and closing(zones, moment, hours) is not None
        ),
        None,
    )


def local_days(zones: Collection[str], moment: datetime) -> tuple[date, date]:
    """The earliest and latest local date at `moment` in these zones, or the UTC date if there are
    none.
    """
    days = [moment.astimezone(ZoneInfo(zone)).date() for zone in zones] or [moment.date()]
    return min(days), max(days)


def begins_everywhere(zones: Collection[str], day: date, hour: time = MIDNIGHT) -> datetime:
    """The moment from which it is `hour` of `day`, or later, in all of these zones."""
    starts = [datetime.combine(day, hour, ZoneInfo(zone)).astimezone(UTC) for zone in zones]
    return max(starts, default=datetime.combine(day, hour, UTC))


def _at(local: datetime, hour: int) -> datetime:
    """That hour of the local day, as a moment in UTC."""
    return local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
