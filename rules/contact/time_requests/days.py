"""Days that people name, in English and Spanish: tomorrow, a weekday, a week, a date; pure.

Each pattern expects plain letters, digits and single spaces, and yields a span of days.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

DAY, WEEK = timedelta(days=1), timedelta(days=7)
# a date without a year that is further ahead than this may be one in the past
FARTHEST = timedelta(days=93)  # a date
FARTHEST_MONTH = timedelta(days=183)
THURSDAY, SATURDAY, NOVEMBER, DECEMBER, CENTURY = 3, 5, 11, 12, 2000
Span = tuple[date, date]  # the first day, and the first day after it
Match = re.Match[str]

_WEEKDAYS = (
    "mon(?:day)?|lunes",
    "tue(?:s|sday)?|martes",
    "wed(?:s|nesday)?|miercoles",
    "thu(?:r|rs|rsday)?|jueves",
    "fri(?:day)?|viernes",
    "sat(?:urday)?|sabado",
    "sun(?:day)?|domingo",
)
_MONTHS = (
    "jan(?:uary)?|enero",
    "feb(?:ruary)?|febrero",
    "mar(?:ch|zo)?",
    "apr(?:il)?|abril",
    "mayo?",
    "june?|junio",
    "july?|julio",
    "aug(?:ust)?|agosto",
    "sept?(?:ember)?|septiembre",
    "oct(?:ober)?|octubre",
    "nov(?:ember)?|noviembre",
    "dec(?:ember)?|diciembre",
)
WEEKDAYS, MONTHS = "|".join(_WEEKDAYS), "|".join(_MONTHS)
_COMES = r"(?: (?:que (?:viene|entra)|proxim[oa]|entrante))"
_NTH = r"[0-3]?\d(?:st|nd|rd|th)?"
_TO = r"(?:to|and|or|through|thru|until|till?|al?|y|o|hasta)(?: the| el)?"
_YEAR = r"(?: (?:del? |of )?(?P<year>20\d\d))?"


def _place(words: str, named: tuple[str, ...]) -> int:
    """The index of the pattern that matches these words."""
    return next(place for place, each in enumerate(named) if re.fullmatch(each, words))


def _in(days: int) -> Callable[[Match, date], Span]:
    return lambda _, today: (today + days * DAY, today + (days + 1) * DAY)


def _week(weeks: int, first: int = 0, last: int = 7) -> Callable[[Match, date], Span]:
    """From one day to another of a calendar week, Monday being 0."""

    def span(_: Match, today: date) -> Span:
        monday = today - today.weekday() * DAY + weeks * WEEK
        return monday + first * DAY, monday + last * DAY

    return span


def _month(months: int) -> Callable[[Match, date], Span]:
    def span(_: Match, today: date) -> Span:
        return _first_of(today, months), _first_of(today, months + 1)

    return span


def _first_of(day: date, months: int) -> date:
    """The first day of the month that is `months` after the day's."""
    years, month = divmod(day.month - 1 + months, DECEMBER)
    return date(day.year + years, month + 1, 1)


def _year(years: int) -> Callable[[Match, date], Span]:
    return lambda _, today: (date(today.year + years, 1, 1), date(today.year + years + 1, 1, 1))


def _rest(span_of: Callable[[Match, date], Span]) -> Callable[[Match, date], Span]:
    """The rest of a period is not available: contact may begin on the first day after it."""

    def span(match: Match, today: date) -> Span:
        over = span_of(match, today)[1]
        return over, over

    return span


def _named_year(match: Match, _: date) -> Span:
    year = int(match["year"])
    return date(year, 1, 1), date(year + 1, 1, 1)


def _month_end(_: Match, today: date) -> Span:
    first = _first_of(today, 1)
    return first - DAY, first


def _weekday(match: Match, today: date) -> Span:
    """The next such weekday after today; "next Friday" is in next week."""
    wanted = _place(match["day"], _WEEKDAYS)
    ahead = (wanted - today.weekday() - 1) % 7 + 1
    if (match["next"] or match["comes"]) and wanted > today.weekday():
        ahead += 7
    return _in(ahead)(match, today)


def _one_day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _date(match: Match, today: date) -> Span | None:
    """A day of a month, named or as in 12/5, or a range of days in that month. A given year counts
    even if it is over; without one it is the next such date.
    """
    groups = match.groupdict()
    month = int(groups["month"]) if groups["month"].isdigit() else 0
    month = month or _place(groups["month"], _MONTHS) + 1
    number = int(re.sub(r"\D", "", groups["nth"]))
    last = int(re.sub(r"\D", "", groups.get("last") or groups["nth"]))
    if year := groups.get("year"):
        found = _one_day(int(year) % 100 + CENTURY, month, number)
    else:
        ahead = (_one_day(year, month, number) for year in range(today.year, today.year + 9))
        found = next((day for day in ahead if day is not None and day >= today), None)
    if found is None:
        return None
    end = _one_day(found.year, month, max(number, last)) or found
    return found, end + DAY


def again(span: Span, today: date) -> Span:
    """The same days in the next year in which they are not over, because their year was
    mistyped.
    """
    first, over = span
    ahead = (_one_day(year, first.month, first.day) for year in range(today.year, today.year + 9))
    found = next(day for day in ahead if day is not None and day >= today)
    return found, found + (over - first)


def is_far(match: Match, span: Span, today: date) -> bool:
    """Whether a date or month without a year is so far ahead that it may be meant in the past."""
    farthest = FARTHEST if "nth" in match.groupdict() else FARTHEST_MONTH
    return is_of_any_year(match) and span[0] - today > farthest


def is_of_any_year(match: Match) -> bool:
    """Whether the match is a date or a month without a year."""
    groups = match.groupdict()
    return "month" in groups and not groups.get("year")


def _day_of_month(match: Match, today: date) -> Span | None:
    number = int(re.sub(r"\D", "", match["nth"]))
    for months in range(3):
        first = _first_of(today, months)
        found = _one_day(first.year, first.month, number)
        if found is not None and found > today:
            return found, found + DAY
    return None


def _whole_month(match: Match, today: date) -> Span:
    month = _place(match["month"], _MONTHS) + 1
    if year := match["year"]:
        first = date(int(year), month, 1)
        return first, _first_of(first, 1)
    return _month((month - today.month) % DECEMBER)(match, today)


def _yearly(month: int, first: int, last: int) -> Callable[[Match, date], Span]:
    """Yearly recurring days: the current or next occurrence, which may reach into the next year."""

    def span(_: Match, today: date) -> Span:
        length = (last - first + 1) * DAY
        begins = (date(today.year + year, month, first) for year in (-1, 0, 1))
        return next((each, each + length) for each in begins if each + length > today)

    return span


def _thanksgiving(match: Match, today: date) -> Span:
    """Thanksgiving, the fourth Thursday of November, and the weekend after it."""
    for year in (today.year, today.year + 1):
        first = date(year, NOVEMBER, 1)
        begins = first + ((THURSDAY - first.weekday()) % 7 + 21) * DAY
        if begins + 4 * DAY > today:
            break
    return begins, begins + 4 * DAY


def _holiday(month: int, week: int) -> Callable[[Match, date], Span]:
    """The first (0) or the last (-1) Monday of a month."""

    def span(_: Match, today: date) -> Span:
        for year in (today.year, today.year + 1):
            days = [date(year, month, 1) + number * DAY for number in range(31)]
            day = [each for each in days if each.month == month and each.weekday() == 0][week]
            if day >= today:
                break
        return day, day + DAY

    return span


def _part_of_month(match: Match, today: date) -> Span:
    """The middle of a month, or its last day for "end of"."""
    first, over = _whole_month(match, today)
    day = first + 14 * DAY if match["part"].startswith("m") else over - DAY
    return (day, day + DAY) if day >= today else (again((day, day + DAY), today))


# In order: words that an earlier pattern matches are not tried again ("day after tomorrow").
DAYS: tuple[tuple[str, Callable[[Match, date], Span | None]], ...] = (
    (r"day after tom+or+ow|pasado manana", _in(2)),
    (r"end of (?:(?:the|this) )?week(?! ?end)", _week(0, 4, 5)),
    (r"next week ?end|proximo fin de semana", _week(1, SATURDAY)),
    (r"(?:the |this )?week ?ends?|fin(?:es)? de semana", _week(0, SATURDAY)),
    (
        r"this week (?:and|or) (?:the )?next(?: week)?|esta semana (?:y|o) la (?:proxima|otra)",
        _week(0, 0, 14),
    ),
    (rf"next week|(?:proxima|otra) semana|semana{_COMES}", _week(1)),
    (r"(?:this|all|the whole) week|(?:esta|toda la) semana", _week(0)),
    (r"end of (?:(?:the|this) )?month|fin(?:al|ales|es)? (?:de|del) (?:este )?mes", _month_end),
    (rf"next month|(?:proximo|otro) mes|mes{_COMES}", _month(1)),
    (r"this month|este mes", _month(0)),
    (r"(?:rest|remainder) of (?:the|this) week|resto de (?:la|esta) semana", _rest(_week(0))),
    (r"(?:rest|remainder) of (?:the|this) month|resto del? (?:este )?mes", _rest(_month(0))),
    (r"(?:rest|remainder) of (?:the|this) year|resto del? (?:este )?ano", _rest(_year(0))),
    (r"next year|(?:proximo|otro) ano|ano (?:que (?:viene|entra)|proximo|entrante)", _year(1)),
    (r"this year|este ano", _year(0)),
    (r"holidays|las fiestas", _yearly(12, 24, 32)),
    (r"thanksgiving|accion de gracias", _thanksgiving),
    (r"memorial day", _holiday(5, -1)),
    (r"labor day(?: weekend)?", _holiday(9, 0)),
    (r"christmas|xmas|navidad", _yearly(12, 25, 25)),
    (r"new years?(?: s)?(?: day)?|ano nuevo", _yearly(1, 1, 1)),
    (
        (
            rf"(?:(?:the|del?|el) )?(?P<nth>{_NTH}) {_TO} (?P<last>{_NTH}) (?:de |of )"
            rf"(?P<month>{MONTHS}){_YEAR}"
        ),
        _date,
    ),
    (
        (
            rf"(?P<month>{MONTHS})(?: the)? (?P<nth>{_NTH})"
            rf"(?: {_TO} (?P<last>{_NTH})(?![\d:/]| ?(?:[ap]m|{MONTHS})\b))?{_YEAR}(?![\d:])"
        ),
        _date,
    ),
    (rf"(?P<nth>{_NTH}) (?:de |of )?(?P<month>{MONTHS}){_YEAR}", _date),
    (
        (
            r"(?P<part>mid(?:dle)?|end|late|mediados|fin(?:al|ales|es)?)(?: of| de)?(?: in)?"
            rf" (?P<month>{MONTHS}){_YEAR}"
        ),
        _part_of_month,
    ),
    (rf"(?P<month>{MONTHS}) (?:del? |of )?(?P<year>20\d\d)", _whole_month),
    (r"(?P<month>1[0-2]|0?[1-9])/(?P<nth>[0-3]?\d)(?:/(?P<year>(?:20)?\d\d))?", _date),
    (
        r"(?P<nth>1[3-9]|2\d|3[01])/(?P<month>1[0-2]|0?[1-9])(?:/(?P<year>(?:20)?\d\d))?",
        _date,
    ),
    (r"the (?P<nth>[0-3]?\d(?:st|nd|rd|th))", _day_of_month),
    (r"(?:el|del)(?: dia)? (?P<nth>[0-3]?\d)(?![\d:])", _day_of_month),
    (
        (
            r"(?:(?<=n )|(?<=til )|(?<=till )|(?<=er )|(?<=ta )|(?<=de )|(?<=of )|(?<=before )"
            r"|(?<=through )|(?<=thru )|(?<=away this )|(?<=gone this )|(?<=back this )"
            r"|(?<=\bme )(?!may\b|mar\b))"
            rf"(?P<month>{MONTHS}){_YEAR}"
        ),
        _whole_month,
    ),
    (
        (
            r"(?:(?<=\bin )|(?<=til )|(?<=till )|(?<=after )|(?<=\ben )|(?<=hasta )|(?<=hasta el ))"
            r"(?P<year>20\d\d)"
        ),
        _named_year,
    ),
    (
        rf"(?P<next>next |following |proximo )?(?P<day>{WEEKDAYS})(?P<comes>{_COMES})?",
        _weekday,
    ),
    (r"(?<!la )(?<!esta )manana|tom+or+ows?|tmrw?|tmrow|tmw|2mor+ow?", _in(1)),
    (
        r"today|hoy|tonight|this(?= (?:morning|afternoon|evening))|esta(?= (?:manana|tarde|noche))",
        _in(0),
    ),
)
