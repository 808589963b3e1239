"""Dates as clinics' programs write them: read in the only possible way, or refused with every
reading.
"""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.imports.csv_cells import BadCell
from rules.imports.csv_dates import ORDERS, order_of, read_date

AUGUST = date(2026, 8, 12)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-08-12", AUGUST),
        ("2026/08/12", AUGUST),
        ("2026.8.12", AUGUST),
        ("20260812", AUGUST),
        ("12-Aug-2026", AUGUST),
        ("12 August 2026", AUGUST),
        ("12-Aug-26", AUGUST),  # Excel's d-mmm-yy
        ("Aug 12, 2026", AUGUST),
        ("Aug. 12, 2026", AUGUST),
        ("August 12th, 2026", AUGUST),
        ("Wednesday, August 12, 2026", AUGUST),
        ("Wed Aug 12 2026", AUGUST),
        ("2026-Aug-12", AUGUST),
        ("Sept 30 2026", date(2026, 9, 30)),
        ("30 sept. 2026", date(2026, 9, 30)),
        ("2026-08-12T00:00:00Z", AUGUST),
        ("2026-08-12T10:30:00.000+02:00", AUGUST),
        ("2026-08-12 00:00:00", AUGUST),
        ("8/31/2026 12:00:00 AM", date(2026, 8, 31)),
        ("1/31/2026", date(2026, 1, 31)),  # there is no month 31
        ("31.1.2026", date(2026, 1, 31)),
        ("1/1/2026", date(2026, 1, 1)),  # the same day both ways
        ("1/31/26", date(2026, 1, 31)),
    ],
)
def test_an_unambiguous_date_is_read(text, day):
    assert read_date(text, "iso") == day


@pytest.mark.parametrize("text", ["1/2/2026", "01/02/2026 0:00", "1-2-2026", "1.2.2026"])
def test_day_and_month_are_never_guessed(text):
    with pytest.raises(BadCell) as refused:
        read_date(text, "iso")
    assert "2 January 2026 with --dates us" in str(refused.value)
    assert "1 February 2026 with --dates eu" in str(refused.value)
    assert (read_date(text, "us"), read_date(text, "eu")) == (date(2026, 1, 2), date(2026, 2, 1))


def test_a_two_digit_year_is_refused_if_it_may_be_a_day():
    with pytest.raises(BadCell, match="31 December 2026 with --dates eu, or as 26 December 2031"):
        read_date("31/12/26", "iso")
    assert read_date("31/12/26", "eu") == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("text", "dates", "told"),
    [
        ("", "iso", "is empty"),
        ("46292", "iso", "is Excel's serial date, for 2026-09-27"),
        ("46292.5", "us", "is Excel's serial date"),
        ("2026-02-31", "iso", "February 2026 has 28 days"),
        ("2/30/2026", "us", "February 2026 has 28 days"),
        ("31 June 2026", "iso", "June 2026 has 30 days"),
        ("2026-13-01", "iso", "there is no month 13"),
        ("13/13/2026", "iso", "there is no month 13"),
        ("31/1/2026", "us", "is not a date with --dates us; with --dates eu it is 31 January 2026"),
        ("1/31/2026", "eu", "is not a date with --dates eu; with --dates us it is 31 January 2026"),
        ("0001-01-01", "iso", "is in the year 1"),
        ("0026-12-31", "iso", "is in the year 26"),
        ("1/31/2199", "iso", "is in the year 2199"),
        ("5/13/85", "iso", "is in the year 1985"),
        ("1767225600", "iso", "cannot be read as a date; write it as 2026-01-31"),
        ("0", "iso", "cannot be read as a date"),
        ("soon", "iso", "'soon' cannot be read as a date"),
        ("Due on receipt", "iso", "cannot be read as a date"),
        ("August 2026", "iso", "cannot be read as a date"),
        ("########", "iso", "cannot be read as a date"),
    ],
)
def test_an_invalid_date_is_refused_with_what_to_do(text, dates, told):
    with pytest.raises(BadCell, match=r"\w") as refused:
        read_date(text, dates)
    assert told in str(refused.value)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.sampled_from(ORDERS))
def test_a_date_with_its_year_first_or_a_named_month_needs_no_switch(day, dates):
    for pattern in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%B %d, %Y", "%d %B %Y"):
        assert read_date(day.strftime(pattern), dates) == day


@given(
    st.text("0123456789-/. TZ:AuSept", max_size=20) | st.text(max_size=30), st.sampled_from(ORDERS)
)
def test_any_text_is_read_or_refused_with_bad_cell(text, dates):
    """Given any text, then it is read or refused with BadCell, and nothing else is raised."""
    with suppress(BadCell):
        assert isinstance(read_date(text, dates), date)


@pytest.mark.parametrize(
    ("column", "order"),
    [
        (["12/11/2025", "01/23/2026", "", "Total"], "us"),
        (["12.11.2025", "23.01.2026 00:00"], "eu"),
        (["12/11/2025", "01/12/2026"], "iso"),
        (["01/23/2026", "23/01/2026"], "iso"),
        (["01/23/2026", "26/01/02"], "iso"),
        (["2026-01-23", "12/11/2025"], "iso"),
        (["31/31/2026"], "iso"),
        (["12/11/2025", "01/45/2026"], "iso"),
        (["12/11/2025", "00/05/2026"], "iso"),
        (["12/11/2025", "02/30/2026"], "iso"),
    ],
)
def test_an_unambiguous_date_decides_the_order_of_its_column(column, order):
    assert order_of(column) == order
