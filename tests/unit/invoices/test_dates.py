"""Dates in requests are text in one format, in a plausible year; everything else is refused with
the reason.
"""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.dates import BadDate, read_day, read_day_or_moment, read_moment

NO_DAY = [
    (0, "is a number"),
    (1767225600, "is a number"),
    (1767225600.5, "is a number"),
    (True, "is a number"),
    (None, "not text"),
    (["2026-12-31"], "not text"),
    ("", "not written as a day"),
    ("0", "not written as a day"),
    ("1767225600", "not written as a day"),
    ("46292", "not written as a day"),
    ("20261231", "not written as a day"),
    ("2026-W53-4", "not written as a day"),
    ("2026-1-31", "not written as a day"),
    ("31.12.2026", "not written as a day"),
    ("12/31/2026", "not written as a day"),
    ("26-12-31", "not written as a day"),
    ("2026-12-31T00:00:00", "not written as a day"),
    ("٢٠٢٦-12-31", "not written as a day"),
    ("２０２６-12-31", "not written as a day"),
    ("+2026-12-31", "not written as a day"),
    ("2026-02-31", "is a day that does not exist"),
    ("2026-13-01", "is a day that does not exist"),
    ("2100-02-29", "is a day that does not exist"),
    ("0001-01-01", "in the year 0001"),
    ("0026-12-31", "in the year 0026"),
    ("1999-12-31", "in the year 1999"),
    ("2101-01-01", "in the year 2101"),
    ("9999-12-31", "in the year 9999"),
]
NO_MOMENT = [
    (1767225600, "is a number"),
    ("1767225600", "not written as a time"),
    ("2026-12-31", "not written as a time"),
    ("2026-12-31T09:30:00", "does not say its offset"),
    ("2026-12-31T25:30:00Z", "is a time that does not exist"),
    ("2026-12-31T09:30:00+99:00", "is a time that does not exist"),
    ("0001-01-01T00:00:00+14:00", "is a time that does not exist|in the year"),
    ("1999-12-31T23:59:59Z", "in the year 1999"),
    ("2000-01-01T00:00:00+14:00", "in the year 1999"),
    ("2100-12-31T23:59:59-12:00", "in the year 2101"),
    ("9999-12-31T23:59:59-14:00", "is a time that does not exist|in the year"),
]


@pytest.mark.parametrize(("value", "why"), NO_DAY)
def test_an_invalid_day_is_refused_with_what_is_accepted(value, why):
    with pytest.raises(BadDate, match=f"{why}.*; .* is accepted.*; ") as refused:
        read_day(value)
    assert "2000-01-01 to 2100-12-31" in str(refused.value)
    with pytest.raises(BadDate, match=r".*; .* is accepted.*; "):
        read_day_or_moment(value if value != "2026-12-31T00:00:00" else "x")


@pytest.mark.parametrize(("value", "why"), NO_MOMENT)
def test_an_invalid_moment_is_refused_with_what_is_accepted(value, why):
    with pytest.raises(BadDate, match=f"(?:{why}).*; .*2000 to 2100 is accepted.*; "):
        read_moment(value)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_every_day_of_the_range_is_read(day):
    assert read_day(day.isoformat()) == read_day_or_moment(f" {day.isoformat()} ") == day


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30)),  # noqa: DTZ001 - given a zone below
    st.integers(-14 * 60, 14 * 60),
)
def test_every_moment_of_the_range_is_read(moment, offset):
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert read_moment(there.isoformat()) == read_day_or_moment(there.isoformat()) == there


def test_a_moment_is_read_in_the_forms_of_rfc_3339():
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for text in ("2026-01-31T12:00Z", "2026-01-31t12:00:00z", "2026-01-31 13:00:00.000+01:00"):
        assert read_moment(text) == noon
