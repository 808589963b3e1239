"""A clinic's free times: its hours without its calendar's appointments, in words for a call."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from rules.integrations.free_times import days_from, in_words, opened, within, without
from rules.integrations.opening_hours import USUAL, hours_error

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2026, 11, 30)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour, minute=0, day=MONDAY, zone=NEW_YORK):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)


def open_on(day, hours=USUAL, now=LONG_AGO):
    return opened(hours, [day], NEW_YORK, now)


def test_opening_hours_are_local_time_across_clock_changes():
    """Given nine to five in New York, then the hours in UTC differ between winter and summer; a
    whole day has 23 or 25 hours when the clocks change.
    """
    assert open_on(MONDAY) == [(at(9), at(17))]
    assert open_on(MONDAY)[0][0].hour == 14
    assert open_on(date(2026, 7, 6))[0][0].hour == 13
    assert open_on(date(2026, 12, 6)) == []  # a Sunday
    night = {"sunday": ["00:00-24:00"]}
    fall, spring = date(2026, 11, 1), date(2026, 3, 8)
    lengths = [
        (ends - begins).total_seconds() / 3600
        for day in (spring, fall)
        for begins, ends in open_on(day, night)
    ]
    assert lengths == [23, 25]


def test_past_hours_are_not_free():
    """Given that it is noon, then the morning is no longer offered."""
    assert open_on(MONDAY, now=at(12).astimezone(UTC)) == [(at(12), at(17))]
    assert open_on(MONDAY, now=at(17)) == []


@pytest.mark.parametrize(
    ("busy", "left"),
    [
        ([], [(at(9), at(17))]),
        ([(at(10), at(11))], [(at(9), at(10)), (at(11), at(17))]),
        ([(at(8), at(12)), (at(11), at(16, 50))], []),
        ([(at(8), at(18))], []),
        ([(at(12), at(13)), (at(12), at(13))], [(at(9), at(12)), (at(13), at(17))]),
        ([(at(17), at(19))], [(at(9), at(17))]),
    ],
    ids=["nothing", "a meeting", "all but ten minutes", "all", "twice the same", "after hours"],
)
def test_busy_times_are_not_free(busy, left):
    assert without(open_on(MONDAY), busy) == left


def test_free_slots_are_joined_and_cut_to_opening_hours():
    """Given free slots, then adjacent ones are joined, and time outside the hours is cut off."""
    slots = [(at(9, 15), at(9, 30)), (at(9), at(9, 15)), (at(8), at(9)), (at(16, 45), at(17, 30))]
    assert within(open_on(MONDAY), slots) == [(at(9), at(9, 30)), (at(16, 45), at(17))]


def test_free_times_are_read_out_in_local_time():
    """Given free times in UTC, then only a few are read out, in the clinic's time."""
    spans = without(open_on(MONDAY), [(at(12), at(13, 30))])
    words = in_words(
        [(a.astimezone(UTC), b.astimezone(UTC)) for a, b in spans], MONDAY, MONDAY, NEW_YORK
    )
    assert words == "Free: Monday, November 30: 9:00 AM to 12:00 PM, 1:30 PM to 5:00 PM."
    assert in_words([], MONDAY, MONDAY, NEW_YORK) == (
        "There is no free time on Monday, November 30."
    )
    many = without(open_on(MONDAY), [(at(hour), at(hour, 30)) for hour in range(9, 17)])
    assert in_words(many, MONDAY, MONDAY, NEW_YORK).endswith("; and there is more later.")
    assert len(days_from(MONDAY, date(2027, 11, 30))) == 14


@pytest.mark.parametrize(
    ("hours", "word"),
    [
        ({"funday": []}, "funday"),
        ({"monday": ["9-5"]}, "'9-5'"),
        ({"monday": ["17:00-09:00"]}, "monday"),
        ({"monday": ["09:00-12:00", "11:00-17:00"]}, "'11:00-17:00'"),
        ({"monday": ["09:00-24:30"]}, "monday"),
    ],
)
def test_invalid_opening_hours_are_named(hours, word):
    assert word in hours_error(hours)
    assert hours_error(USUAL) == ""
