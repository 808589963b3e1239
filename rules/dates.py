"""Dates and times in external input: text in one format, between the years 2000 and 2100.

A number is not accepted as a date: 0 and 1767225600 are seconds to one program and days to another.
A year outside the range is a typo, and would make an invoice overdue at once or never.
"""

import re
from datetime import UTC, date, datetime

FIRST_YEAR, LAST_YEAR = 2000, 2100
DAY_ACCEPTED = f"a day from {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31 is accepted, as text YYYY-MM-DD"
MOMENT_ACCEPTED = (
    f"a time from {FIRST_YEAR} to {LAST_YEAR} is accepted, as text with its offset from UTC"
)
DAY_TODO = "write it such as 2026-12-31"
MOMENT_TODO = "write it such as 2026-12-31T09:30:00Z"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?P<offset>Z|[+-]\d{2}:\d{2})?",
    re.ASCII | re.IGNORECASE,
)


class BadDate(ValueError):
    """A value is not an acceptable date; the message says why, what is accepted, and how to write
    it.
    """


def read_day(value: object) -> date:
    """Parse a day such as `2026-12-31`. Raises BadDate."""
    text = _text(value, DAY_ACCEPTED, DAY_TODO)
    if not _DAY.fullmatch(text):
        raise BadDate(f"is not written as a day; {DAY_ACCEPTED}; {DAY_TODO}")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadDate(f"is a day that does not exist; {DAY_ACCEPTED}; correct it") from None
    _refuse_year(day.year, DAY_ACCEPTED)
    return day


def read_moment(value: object) -> datetime:
    """Parse a time such as `2026-12-31T09:30:00Z`, with any offset, which is required, into UTC.
    Raises BadDate.
    """
    moment = _moment(value, MOMENT_ACCEPTED, MOMENT_TODO)
    if moment.tzinfo is None:
        raise BadDate(f"does not say its offset from UTC; {MOMENT_ACCEPTED}; {MOMENT_TODO}")
    return moment


def read_day_or_moment(value: object) -> date | datetime:
    """Parse a day or a time. The offset of a time is optional, because the caller knows the place;
    with one the result is in UTC. Raises BadDate.
    """
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and not _DAY.fullmatch(text) and _MOMENT.fullmatch(text):
        return _moment(text, MOMENT_ACCEPTED, MOMENT_TODO)
    return read_day(text)


def _moment(value: object, accepted: str, todo: str) -> datetime:
    text = _text(value, accepted, todo)
    if not _MOMENT.fullmatch(text):
        raise BadDate(f"is not written as a time; {accepted}; {todo}")
    try:
        moment = datetime.fromisoformat(text.upper())
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise BadDate(f"is a time that does not exist; {accepted}; correct it") from None
    _refuse_year(moment.year, accepted)
    return moment


def _text(value: object, accepted: str, todo: str) -> str:
    if isinstance(value, str):
        return value.strip()
    what = "a number" if isinstance(value, int | float) else "not text"
    raise BadDate(f"is {what}; {accepted}; {todo}")


def _refuse_year(year: int, accepted: str) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise BadDate(f"is in the year {year:04d}; {accepted}; correct the year")
