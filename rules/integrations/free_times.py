"""Free times: what a calendar leaves of a clinic's opening hours, and their wording for the phone;
pure.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from rules.integrations.opening_hours import Hours, Span, open_on

SHORTEST = timedelta(minutes=15)  # a shorter gap is of no use
MOST_DAYS = 14  # per query
MOST_SPANS = 6  # read out to the caller
NOTHING = "There is no free time {when}."


def days_from(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, at most fourteen."""
    count = min((last - first).days + 1, MOST_DAYS)
    return [first + timedelta(days=number) for number in range(count)]


def opened(hours: Hours, days: Iterable[date], zone: ZoneInfo, now: datetime) -> list[Span]:
    """The spans in which the clinic is open, from `now` on."""
    spans = [span for day in days for span in open_on(hours, day, zone)]
    return [(max(begins, now), ends) for begins, ends in spans if ends > now]


def without(spans: Iterable[Span], busy: Iterable[Span]) -> list[Span]:
    """Subtract `busy` from `spans`; in order."""
    left = sorted(spans)
    for taken, until in sorted(busy):
        left = [
            part
            for begins, ends in left
            for part in ((begins, min(ends, taken)), (max(begins, until), ends))
            if part[0] < part[1]
        ]
    return long_enough(left)


def within(spans: Iterable[Span], slots: Iterable[Span]) -> list[Span]:
    """The parts of `slots` that lie within `spans`, merged where they touch."""
    parts = sorted(
        (max(begins, opens), min(ends, closes))
        for begins, ends in slots
        for opens, closes in spans
        if max(begins, opens) < min(ends, closes)
    )
    joined: list[Span] = []
    for begins, ends in parts:
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    return long_enough(joined)


def long_enough(spans: Iterable[Span]) -> list[Span]:
    """The spans that are at least SHORTEST."""
    return [(begins, ends) for begins, ends in spans if ends - begins >= SHORTEST]


def in_words(spans: list[Span], first: date, last: date, zone: ZoneInfo) -> str:
    """One line for the assistant to read out: the first few spans, as days and local times."""
    if not spans:
        when = f"on {_day(first)}" if first == last else f"from {_day(first)} to {_day(last)}"
        return NOTHING.format(when=when)
    local = [(begins.astimezone(zone), ends.astimezone(zone)) for begins, ends in spans]
    lines = [
        f"{_day(day)}: " + ", ".join(f"{_time(begins)} to {_time(ends)}" for begins, ends in each)
        for day, each in groupby(local[:MOST_SPANS], lambda span: span[0].date())
    ]
    more = "; and there is more later" if len(local) > MOST_SPANS else ""
    return f"Free: {'; '.join(lines)}{more}."


def _day(day: date) -> str:
    return f"{day:%A, %B} {day.day}"


def _time(moment: datetime) -> str:
    hour = moment.hour % 12 or 12
    return f"{hour}:{moment:%M} {'AM' if moment.hour < 12 else 'PM'}"  # noqa: PLR2004
