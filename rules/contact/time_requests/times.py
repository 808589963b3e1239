"""From when on a person wants to be contacted, by their own words, in English and Spanish: found by
rules alone, for every time zone they may be in.

If words are ambiguous the later time counts: one contact too few harms nobody. "Not before Monday"
begins on Monday, "not on Monday" and "after Monday" on Tuesday; "before Monday" names no beginning,
"Monday or Tuesday" the first, "away from Monday to Friday" Saturday. No time is capped: a person
who asks for two years is left alone for two years.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from rules.contact.hours import begins_everywhere, local_days
from rules.contact.opt_out.lookalikes import plain_letters
from rules.contact.time_requests.absence import BUSY, REFUSING, is_absence_after, is_absence_before
from rules.contact.time_requests.call_now import NOW, clauses_to_read, is_refused, is_revoked
from rules.contact.time_requests.call_now import asks_for_call_now as clause_asks
from rules.contact.time_requests.days import (
    DAY,
    DAYS,
    MONTHS,
    WEEK,
    WEEKDAYS,
    Match,
    Span,
    again,
    is_far,
    is_of_any_year,
)
from rules.contact.time_requests.durations import UNIT, in_digits, lengths
from rules.contact.time_requests.past import (
    is_day_of_past_event,
    is_future_absence,
    is_other_date,
    is_past_day,
    is_past_duration,
)

LATER_TODAY = timedelta(hours=3)  # our reading of "later today"
NOON, EARLY = 12, 8  # "at 5" is in the afternoon, "at 9" in the morning, "at 8" either
HOURS = 24
MOST_DAYS = 20  # days in one clause that are interpreted one by one, by the words around each
_CLOCK = r"(?P<{0}>\d{{1,2}})(?::(?P<{0}_minute>[0-5]\d))?(?: ?(?P<{0}_half>am|pm))?\b"
_HOUR = re.compile(
    r"(?:\b(?P<lead>at|after|around|about|past|from|until|till?|before|by|between|las?) )?"
    rf"(?<![\d:/]){_CLOCK.format('first')}(?: (?:to|and|or|y|o|a|hasta)(?: las?)?"
    rf" {_CLOCK.format('last')})?(?! ?(?:{UNIT})\b)(?![:/])"
)
# parts of a day: their first hour, and the am or pm that an hour beside them means
_PARTS: tuple[tuple[re.Pattern[str], int, str], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b"), hour, half)
    for words, hour, half in (
        (r"after (?:work|school)|(?:despues|saliendo) del trabajo|end of (?:the )?day|eod", 17, ""),
        (r"noon|lunch ?(?:time)?|medio ?dia", 12, ""),
        (r"morning|first thing|(?:la|esta) manana", 8, "am"),
        (r"afternoon|(?:la|esta) tarde", 12, "pm"),
        (r"evening|tonight|(?:la|esta) noche", 17, "pm"),
    )
)
_SOON = re.compile(r"\bin a (?:bit|while|minute|moment|sec)\b|\b(?:al|un) rat(?:o|ito)\b")
_LATER = re.compile(
    r"\b(?:later|(?:an|some) ?other (?:time|day)|mas tarde|luego|despues(?! del?\b)"
    r"|otro (?:dia|momento)|otra (?:hora|ocasion)|(?:not a good|a bad) time"
    rf"|(?:no es (?:un )?buen|mal) momento|(?:i m|im|i am|estoy) (?:\w+ )?(?:{BUSY}))\b"
)
# times without a day: "once I get paid", "in spring"; but "when you can" is not another time
_ONCE = re.compile(
    r"\b(?:(?:call|text|contact|phone|ring|message)(?: me| us)(?: back| again)?"
    r" (?:once|when|after|in (?:the )?(?:spring|summer|fall|autumn|winter))\b"
    r"(?! (?:you|u|possible|convenient|available|ready|free|someone|somebody)\b)"
    r"|(?:llam|contact|escrib|marqu|habl)\w+"
    r" (?:cuando|en (?:la |el )?(?:primavera|verano|otono|invierno))\b"
    r"(?! (?:pueda|puedan|puedas|quiera|guste|usted|sea posible)\b))"
)
_UNTIL_WHEN = re.compile(r"\b(?:until|till|hasta|not before)\b")
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)(?:[t ](\d\d:\d\d)(?::\d\d)?)?(?:\.\d+)?z?\b")
_NOT = (
    rf"(?:\b(?:{REFUSING}|except|excepto|menos|any ?(?:day|time) but|other than)"
    r"|\bno(?= (?:calls?|texts?|messages?|me|nos|puedo|podemos|estoy|llam|hoy|ahora|es|este"
    r"|esta)))\b"
)
_NEGATED = re.compile(
    rf"{_NOT}(?: please| ever)?"
    r"(?: (?:me |nos )?(?:(?:call|contact|text|phone|ring|talk|speak|bother|message|answer|do|make)"
    r"(?:ing|s)?(?: (?:me|us|it))?|good|free|available|there|home|llam\w+|habl\w+|escrib\w+"
    r"|contact\w+|molest\w+|marqu\w+|(?:puedo|podemos)(?: \w+r)?|estoy))?"
    r"(?: (?:on|this|the|for|in|from|between|el|la|por|en|del?|desde|entre|right|es|next))* ?$"
)
_AFTER = re.compile(r"\b(?:after|past|despues del?|pasad[oa])(?: the| el| la| las)? $")
_BEFORE = re.compile(r"\b(?:before|by|antes del?)(?: the| el| la| las)? $")
_EITHER = re.compile(
    r" (?:or|and|to|thru|through|until|till?|o|u|y|a|al|hasta|hasta el)(?: on| el| the)? "
)
_UNTIL = re.compile(r"\b(?:until|till?|hasta)(?: the| el| la| las)? $")
_FITS = re.compile(
    r" (?:(?:is|would be|will be|es|seria|esta) )?(?:works?|good|fine|ok|okay|better|best|bien"
    r"|mejor"
    r"|perfect\w*)\b"
)
# words before a date in the past that show it is meant in the future: its year was mistyped
_DUE = re.compile(
    r"\b(?:until|till?|hasta|(?:call|text|contact|phone|ring|message)(?: me| us)?(?: back| again)?"
    r"|llam\w+|contact\w+|escrib\w+|not before)(?: on| at| after| el| del?| despues del?| in| en"
    r"| the)* ?$"
)


_PAST = re.compile(r"\b(?:at )?(?:a )?(?P<part>half past|quarter (?:past|to)) (?P<hour>\d{1,2})\b")


_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth"),
)
# a day of a month if it ends the clause or a month follows: not "the first time"
_NTH_IN_WORDS = re.compile(
    rf"\bthe (?P<nth>{'|'.join(_ORDINALS)})\b(?= (?:of|and|or|at|please|thanks|when|i|we"
    rf"|{MONTHS})\b|$)"
    r"|\bel (?P<primero>primero)\b(?= (?:de|del|a|y|o|por|gracias)\b|$)"
)


def _up(found: Match) -> str:
    """Count a fraction as a whole: 1.5 becomes 2."""
    return str(int(found[0].partition(".")[0]) + 1)


# how people write dates, ranges and hours, normalised to what the patterns expect
_WRITTEN: tuple[tuple[re.Pattern[str], str | Callable[[Match], str]], ...] = (
    (re.compile(r"\b(\d{1,2})[-.](\d{1,2})[-.]((?:20)?\d\d)\b"), r"\1/\2/\3"),
    (re.compile(r"(?<=\d)((?:st|nd|rd|th)?)(?:, ?| )(?=20\d\d\b)"), r"\1 "),
    (
        re.compile(
            rf"\b({WEEKDAYS}|\d+(?:st|nd|rd|th)?)\.? ?[-\u2013\u2014] ?(?={WEEKDAYS}|{MONTHS}|\d)"
        ),
        r"\1 to ",
    ),
    (
        re.compile(rf"\b({WEEKDAYS}) ?, ?(?:(?:and|or|y|o|nor) )?(?:on )?(?={WEEKDAYS}\b)"),
        r"\1 or ",
    ),
    (re.compile(rf"\b\d+\.\d+(?= ?(?:{UNIT})\b)"), _up),
    (re.compile(r"(?<![\d$.])([01]?\d|2[0-3])\.([0-5]\d)(?![\d.])"), r"\1:\2"),
)
_CLAUSE = re.compile(r"(?:[!?;,\n]|\.(?!\d)|(?<!\d)\.)+")


# Wednesdays, early in the morning, one per quarter, so that every date is near one of them
_SOME_MORNINGS = tuple(datetime(2026, month, 7, 6, tzinfo=UTC) for month in (1, 4, 7, 10))


@dataclass(slots=True)
class _Times:
    """What a text names: days, hours (each with its possible readings), moments; and whether it
    says "now" or "later" only.
    """

    days: list[date] = field(default_factory=list)
    hours: list[list[time]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    now: bool = False
    later: bool = False


def names_another_time(text: str) -> bool:
    """Whether the text names any time other than now from which contact may begin."""
    return any((requested_from(text, at, ()) or at) > at for at in _SOME_MORNINGS)


def requested_from(text: str, now: datetime, zones: Collection[str]) -> datetime | None:
    """The moment (UTC) from which the author of `text`, written at `now` and in any of `zones`,
    wants to be contacted: `now` itself if that time has come, or if they ask for a call at once;
    None if they name no time.
    """
    today = local_days(zones, now)[1]
    named = _Times()
    clauses = [*_clauses(text)]
    wishes = clauses_to_read(clauses, _names_time)
    named.now = asks_for_call_now(text)
    for clause in wishes:
        _read(clause, now, today, named)
    found = list(named.moments)
    if named.days or named.hours:
        found.append(_at(named, now, today, zones))
    elif named.later and not found:
        found.append(begins_everywhere(zones, today + DAY))
    return max([now, *found]) if found or named.now else None


def asks_for_call_now(text: str) -> bool:
    """Whether the author asks to be called now, whatever other times they name."""
    clauses = [*_clauses(text)]
    is_asked = any(clause_asks(clause, _names_time) for clause in clauses)
    return is_asked and not any(is_revoked(clause, _names_time) for clause in clauses)


def _names_time(words: str) -> bool:
    """Whether some words of a clause name a time other than now, at any time of the year."""
    named = _Times()
    for at in _SOME_MORNINGS:
        _read(NOW.sub(" ", words), at, at.date(), named)
    return bool(named.days or named.hours or named.moments or named.later)


def _at(named: _Times, now: datetime, today: date, zones: Collection[str]) -> datetime:
    """The latest named hour on the latest named day; an hour that has passed, with no day named, is
    tomorrow's.
    """
    day = max([today, *named.days])
    if not named.hours:
        if day > today or not named.later:
            return begins_everywhere(zones, day)
        return now + LATER_TODAY if today in named.days else begins_everywhere(zones, today + DAY)
    found = []
    for hours in named.hours:
        moments = [begins_everywhere(zones, day, hour) for hour in hours]
        ahead = [moment for moment in moments if moment > now]
        if not ahead and not named.days:
            ahead = [begins_everywhere(zones, day + DAY, hours[0])]
        found.append((ahead or moments)[0])
    return max(found)


def _clauses(text: str) -> Iterator[str]:
    """Split the text into clauses of plain letters and digits, with numbers as digits."""
    plain = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", plain_letters(text).lower())
    plain = _ISO.sub(r"\2/\3/\1 at \4 ", plain)
    for sign, words in _WRITTEN:
        plain = sign.sub(words, plain)
    for clause in _CLAUSE.split(plain):
        spaced = re.sub(r"[^a-z0-9:/]+", " ", clause).strip()
        yield _NTH_IN_WORDS.sub(_nth, _PAST.sub(_past, in_digits(spaced)))


def _nth(found: Match) -> str:
    """Write "the first" as "the 1th", "el primero" as "el 1"."""
    if found["primero"]:
        return "el 1"
    return f"the {_ORDINALS.index(found['nth']) + 1}th"


def _past(found: Match) -> str:
    """Half past 5 becomes 5:30; a quarter to 5 is read as 5."""
    minute = {"half past": ":30", "quarter past": ":15"}.get(found["part"], "")
    return f"at {found['hour']}{minute}"


def _read(clause: str, now: datetime, today: date, named: _Times) -> None:
    """Collect what a clause names; words matched by one rule are not matched by another."""
    left = _read_counts(clause, now, today, named)
    left = _read_days(clause, left, today, named)
    left = _read_hours(clause, left, named)
    if found := _SOON.search(left):
        named.moments.append(now + timedelta(hours=1))
        left = _without(left, found)
    is_later = any(words.search(clause) for words in (_ONCE, _UNTIL_WHEN)) or (
        _LATER.search(left) is not None
    )
    named.later = named.later or is_later
    for found in NOW.finditer(left):
        is_later = is_refused(clause[: found.start()], clause[found.end() :])
        named.now = named.now or not is_later
        named.later = named.later or is_later


def _read_counts(clause: str, now: datetime, today: date, named: _Times) -> str:
    left = clause
    for found, end, length in lengths(clause):
        left = left[: found.start()] + " " * (end - found.start()) + left[end:]
        if is_past_duration(clause, found):  # "a patient for 20 years"
            continue
        if length < DAY or re.search(r"\b(?:hours?|hrs?|horas?)\b", found[0]):
            named.moments.append(now + length)  # "in 24 hours" is a moment, "in a day" is a day
        else:
            named.days.append(today + length)
    return left


def _read_days(clause: str, left: str, today: date, named: _Times) -> str:
    found, left = _days_in(left, today)
    if len(found) > MOST_DAYS:  # whichever is meant, the last day is no earlier
        overs = [span[1] for match, span in found if not is_far(match, span, today)]
        named.days.append(max(overs, default=today + DAY))
        return left
    found = [each for each in found if _is_to_come(each, clause, today)]
    found.sort(key=lambda each: each[0].start())
    for group in _together(clause, found):
        lead, behind = clause[: group[0][0].start()], left[group[-1][0].end() :]
        is_range = len(group) > 1  # "away since Friday until Tuesday"
        if _is_end(lead) or is_other_date(lead) or (is_past_day(lead, behind) and not is_range):
            continue
        spans = _in_order(group, today)
        is_over = (
            _AFTER.search(lead)
            or _NEGATED.search(lead)
            or is_absence_before(lead)
            or is_absence_after(behind)
        )
        if is_over and _FITS.match(behind):  # "busy Thursday, Friday works"
            named.days.append(spans[-1][0])
        elif is_over:
            named.days.append(max(over for _, over in spans))
        else:  # the first of several will do
            named.days.append(spans[-1 if _UNTIL.search(lead) else 0][0])
    return left


def _days_in(left: str, today: date) -> tuple[list[tuple[Match, Span]], str]:
    """The days that are named, and the words that are left."""
    found: list[tuple[Match, Span]] = []
    for words, span_of in DAYS:
        for match in [*re.finditer(rf"\b(?:{words})(?=\W|$)", left)]:
            span = span_of(match, today)
            left = _without(left, match)
            if span is not None:
                found.append((match, span))
    return found, left


def _together(clause: str, found: list[tuple[Match, Span]]) -> list[list[tuple[Match, Span]]]:
    """Group days that are named as one: Monday or Tuesday, from Friday to Tuesday."""
    groups: list[list[tuple[Match, Span]]] = []
    for each in found:
        before = groups[-1][-1][0].end() if groups else 0
        if groups and _EITHER.fullmatch(clause[before : each[0].start()]):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _is_to_come(found: tuple[Match, Span], clause: str, today: date) -> bool:
    """Whether these days are in the future. If their year is over, or they are so far ahead that
    they may be in the past, only a request or an absence beside them can tell.
    """
    match, span = found
    lead, behind = clause[: match.start()], clause[match.end() :]
    if _DUE.search(lead) is not None:
        return True
    if span[1] <= today or (is_of_any_year(match) and is_day_of_past_event(lead)):
        return False
    if not is_far(match, span, today):
        return True
    is_said = (
        is_absence_before(lead) or is_absence_after(behind) or _NEGATED.search(lead) is not None
    )
    return is_said and is_future_absence(lead, behind)


def _in_order(group: list[tuple[Match, Span]], today: date) -> list[Span]:
    """The spans of a group: one that is over moves to the next year, and each weekday is the next
    one after its predecessor.
    """
    spans: list[Span] = []
    for match, span in group:
        first, over = span if span[1] > today else again(span, today)
        weeks = 0 * WEEK
        while spans and "comes" in match.groupdict() and first + weeks < spans[-1][0]:
            weeks += WEEK
        spans.append((first + weeks, over + weeks))
    return spans


def _read_hours(clause: str, left: str, named: _Times) -> str:
    parts = [
        (hour, half)
        for words, hour, half in _PARTS
        for found in words.finditer(clause)
        if not _is_end(clause[: found.start()])
    ]
    beside = {half for _, half in parts} - {""}
    hours = []
    for found in [*_HOUR.finditer(left)]:
        if not (found["lead"] or found["first_half"] or found["last_half"]):
            continue  # just a number
        left = _without(left, found)
        if not _is_end(clause[: found.start("first")]):
            hours.append(_hours_of(found, "".join(beside) if len(beside) == 1 else ""))
    named.hours += [each for each in hours if each] or [[time(hour)] for hour, _ in parts]
    return left


def _is_end(lead: str) -> bool:
    """Whether the words before a time make it an end: "before 5", but not "not before 5"."""
    return _BEFORE.search(lead) is not None and not is_refused(lead, "")


def _hours_of(found: Match, beside: str) -> list[time]:
    """The hours that a match's first hour can mean, the likelier first; empty if it is not
    an hour.
    """
    hour, minute = int(found["first"]), int(found["first_minute"] or 0)
    half = found["first_half"] or beside
    if not half and found["last_half"] and hour % NOON < int(found["last"]) % NOON:
        half = found["last_half"]
    if hour >= HOURS:
        return []
    if hour > NOON or hour == 0:
        return [time(hour, minute)]
    if half:
        return [time(hour % NOON + (NOON if half == "pm" else 0), minute)]
    early, late = time(hour % NOON, minute), time(hour % NOON + NOON, minute)
    if hour == EARLY:
        return [early, late]
    return [early] if EARLY < hour < NOON else [late]


def _without(left: str, found: Match) -> str:
    return left[: found.start()] + " " * len(found[0]) + left[found.end() :]
