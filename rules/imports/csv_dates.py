"""Dates as spreadsheets and bookkeeping programs write them, parsed unambiguously or not at all.

A date with the year first, with the month's name, or with a number over twelve has one reading.
1/2/2026 has two, and is refused until `--dates`, or another date of its column, decides. A
spreadsheet's serial number and a day that does not exist are reported as such.
"""

import re
from calendar import month_name, monthrange
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from rules.imports.csv_cells import YEARS, BadCell

MONTHS = range(1, 13)
ORDERS = ("iso", "us", "eu")  # iso: unambiguous dates only; us: month first; eu: day first

_TIME = re.compile(
    r"(?:[ ]*[T,][ ]*|[ ]+)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?[ ]*(?:[ap]\.?m\.?)?[ ]*"
    r"(?:z|utc|gmt|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?", re.ASCII)
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_WORDS = re.compile(r"[\s,./-]+")
_MONTHS = (
    {month_name[month].casefold(): month for month in MONTHS}
    | {month_name[month][:3].casefold(): month for month in MONTHS}
    | {"sept": 9}
)
_SERIAL_BEGIN = date(1899, 12, 30)  # Excel's day 0, as its calendar counts from March 1900 on
_PIVOT = 69  # two-digit years from here on are in the last century, as in POSIX
_THIS_WAY = "write it as 2026-01-31"


def read_date(text: str, dates: str) -> date:
    """Parse a day; `dates` is one of ORDERS. Raises BadCell."""
    if not text:
        raise BadCell(f"is empty; write a date: {_THIS_WAY}")
    bare = _TIME.sub("", text.strip())
    if found := _YEAR_FIRST.fullmatch(bare):
        return _day(text, int(found[1]), int(found[3]), int(found[4]))
    if found := _NUMBERS.fullmatch(bare):
        return _in_order(text, dates, int(found[1]), int(found[3]), found[4])
    if found := _COMPACT.fullmatch(bare):
        return _day(text, int(found[1]), int(found[2]), int(found[3]))
    if found := _SERIAL.fullmatch(bare):
        day = _SERIAL_BEGIN + timedelta(days=int(found[1]))
        raise BadCell(
            f"{text[:40]!r} is Excel's serial date, for {day} in most files; format the column as"
            " a date (yyyy-mm-dd) and export the file again"
        )
    return _with_month_name(text, bare)


def order_of(column: Iterable[str]) -> str:
    """Infer the order of a column's dates: 1/31/2026 settles it for the others, unless another date
    contradicts it, or a two-digit year makes the position of the year uncertain.
    """
    orders: set[str] = set()
    for text in column:
        found = _NUMBERS.fullmatch(_TIME.sub("", text.strip()))
        if found is None:
            continue
        if len(found[4]) == len("26"):
            return "iso"
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        readings = {"us": (year, first, second), "eu": (year, second, first)}
        possible = {order for order, parts in readings.items() if _valid_date(*parts)}
        if len(possible) == 1:
            orders |= possible
    return orders.pop() if len(orders) == 1 else "iso"


def _day(text: str, year: int, month: int, day: int) -> date:
    if year not in YEARS:
        raise BadCell(f"{text[:40]!r} is in the year {year}; correct it, or {_THIS_WAY}")
    if month not in MONTHS:
        raise BadCell(f"{text[:40]!r} is not a date: there is no month {month}; {_THIS_WAY}")
    last = monthrange(year, month)[1]
    if day not in range(1, last + 1):
        raise BadCell(
            f"{text[:40]!r} is not a date: {month_name[month]} {year} has {last} days; correct it"
        )
    return date(year, month, day)


def _with_month_name(text: str, bare: str) -> date:
    """Parse a date with the month's name: 12-Aug-2026, Sept 30 2026, Friday, July 3rd, 2026."""
    words = _WORDS.split(_ORDINAL.sub("", _WEEKDAY.sub("", bare, count=1)).strip(" ,."))
    named = [place for place, word in enumerate(words) if word.casefold() in _MONTHS]
    numbers = [word for word in words if word.isascii() and word.isdigit()]
    if len(words) != 3 or len(named) != 1 or len(numbers) != 2:  # noqa: PLR2004 - day, month, year
        raise BadCell(f"{text[:40]!r} cannot be read as a date; {_THIS_WAY}")
    first, last = numbers
    day, year = (last, first) if len(first) == len("2026") else (first, last)
    return _day(text, _year(year), _MONTHS[words[named[0]].casefold()], int(day))


def _in_order(text: str, dates: str, first: int, second: int, year: str) -> date:
    """Parse a date of three numbers; the year is last unless it has two digits."""
    readings = {"us": (_year(year), first, second), "eu": (_year(year), second, first)}
    if dates in readings:
        return _in_given_order(text, dates, readings)
    if len(year) == len("26"):
        readings["year first"] = (_year(f"{first:02}"), second, int(year))
    possible = {order: day for order, parts in readings.items() if (day := _valid_date(*parts))}
    if not possible:
        return _day(text, *readings["us"])  # raises with the reason
    if len(set(possible.values())) == 1:
        day = next(iter(possible.values()))
        return _day(text, day.year, day.month, day.day)
    options = [
        f"{day.day} {month_name[day.month]} {day.year}"
        + (f" with --dates {order}" if order in ORDERS else f" if written {order}")
        for order, day in possible.items()
    ]
    raise BadCell(f"{text[:40]!r} can be read as {', or as '.join(options)}; say which")


def _in_given_order(text: str, dates: str, readings: Mapping[str, tuple[int, int, int]]) -> date:
    other = "eu" if dates == "us" else "us"
    if not _valid_date(*readings[dates]) and (day := _valid_date(*readings[other])):
        raise BadCell(
            f"{text[:40]!r} is not a date with --dates {dates}; with --dates {other} it is"
            f" {day.day} {month_name[day.month]} {day.year}; say that, or correct it"
        )
    return _day(text, *readings[dates])


def _valid_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year(digits: str) -> int:
    if len(digits) == len("2026"):
        return int(digits)
    return int(digits) + (1900 if int(digits) >= _PIVOT else 2000)
