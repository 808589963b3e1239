"""A clinic's opening hours: pure. `{}` stands for the default hours.

Hours are local: `{"monday": ["09:00-12:00", "13:00-17:00"]}`; a day that is not named is closed.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Hours = dict[str, list[str]]
Span = tuple[datetime, datetime]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
USUAL: Hours = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}
ACCEPTED = "times such as 09:00-12:00, in order and apart, are accepted"
_PERIOD = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_MIDNIGHT = 24 * 60  # minutes


def hours_error(hours: Hours) -> str:
    """What is wrong with the hours, in words; '' if nothing."""
    for day, periods in hours.items():
        if day not in WEEKDAYS:
            return f"{day[:20]} is not a day of the week; {', '.join(WEEKDAYS)} are accepted"
        last = -1
        for period in periods:
            read = _PERIOD.fullmatch(period)
            begins, ends = _minutes(period) if read else (0, 0)
            if not last < begins < ends <= _MIDNIGHT:
                return f"{day} has {period[:20]!r}; {ACCEPTED}"
            last = ends
    return ""


def open_on(hours: Hours, day: date, zone: ZoneInfo) -> list[Span]:
    """The spans, in UTC, in which the clinic is open on `day`."""
    periods = (hours or USUAL).get(WEEKDAYS[day.weekday()], [])
    return [
        (_moment(day, begins, zone), _moment(day, ends, zone))
        for begins, ends in map(_minutes, periods)
    ]


def _minutes(period: str) -> tuple[int, int]:
    begins, ends = period.split("-")
    return _of_day(begins), _of_day(ends)


def _of_day(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """A local time of `day`, in UTC; 24:00 is the start of the next day."""
    days, minutes = divmod(minutes, _MIDNIGHT)
    at = time(minutes // 60, minutes % 60)
    return datetime.combine(day + timedelta(days=days), at, zone).astimezone(UTC)
