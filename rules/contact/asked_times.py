"""From which moment on people want to be contacted, by their own words, in English and Spanish:
found by rules alone, in every zone where they may be.

Where words can be read more than one way the later moment counts: a contact too few harms nobody.
"Not before Monday" begins on Monday, "not on Monday" and "after Monday" on Tuesday; "before Monday"
names no beginning, "Monday or Tuesday" the first.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from rules.contact.asked_days import DAY, DAYS, WEEK, Match, Span
from rules.contact.hours import begins_everywhere, local_days
from rules.contact.opt_out.lookalikes import plain_letters

LATER_TODAY = timedelta(hours=3)  # what "later today" is taken for
LONGEST = timedelta(days=366)  # what is further away was misread, or is a joke
NOON, EARLY = 12, 8  # "at 5" is in the afternoon, "at 9" in the morning, "at 8" either
HOURS = 24
_COUNTS = {"a": 1, "an": 1, "un": 1, "una": 1, "couple": 2, "par": 2} | dict.fromkeys(
    ("few", "several", "some", "unos", "unas", "pocos", "pocas"), 3
)
_NUMBERS = {
    word: str(number)
    for words in (
        "one two three four five six seven eight nine ten eleven twelve",
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    )
    for number, word in enumerate(words.split(), 1)
}
_COUNTED = re.compile(
    "at|after|past|around|about|until|till?|before|by|between|in|for|and|to|wait|me|us|las?|en|de"
)


YEARS = r"years?|yrs?|anos?"
_UNITS: dict[str, timedelta] = {
    r"minutes?|mins?|minutos?": timedelta(minutes=1),
    r"hours?|hrs?|horas?": timedelta(hours=1),
    r"days?|dias?": DAY,
    r"weeks?|wks?|semanas?": WEEK,
    r"months?|mes(?:es)?": timedelta(days=31),
    YEARS: timedelta(days=366),
}
_UNIT = "|".join(_UNITS)
_COUNT = (
    rf"(?:a |un )?(?:\d{{1,2}} (?:or|to|o|a) )?(?P<count>\d{{1,2}}|{'|'.join(_COUNTS)})"
    rf"(?: of| de)?(?: more| mas)? ?(?P<unit>{_UNIT})\b"
)
_IN = re.compile(
    rf"\b(?:in|for|after|wait|within|en|dentro de|espere\w*|por|give (?:me|us))"
    rf"(?: about| like| unos| unas| otr[oa]s?| another)? {_COUNT}|\b{_COUNT.replace('P<', 'P<x')}"
    r" (?:later|from now|mas tarde)\b"
)
_HALF_HOUR = re.compile(r"\bhalf an hour\b|\bmedia hora\b")
_CLOCK = r"(?P<{0}>\d{{1,2}})(?::(?P<{0}_minute>[0-5]\d))?(?: ?(?P<{0}_half>am|pm))?\b"
_HOUR = re.compile(
    r"(?:\b(?P<lead>at|after|around|about|past|from|until|till?|before|by|between|las?) )?"
    rf"(?<![\d:/]){_CLOCK.format('first')}(?: (?:to|and|or|y|o|a|hasta)(?: las?)?"
    rf" {_CLOCK.format('last')})?(?! ?(?:{_UNIT})\b)(?![:/])"
)
# parts of a day: their first hour, and which half of it an hour beside them means
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
_BUSY = (
    "busy|working|at work|in (?:a )?meetings?|tied up|ocupad[oa]|trabajando"
    "|en (?:el )?trabajo|en una (?:junta|reunion)"
)
_NOW = re.compile(
    r"\b(?:(?:right )?now|asap|as soon as (?:you can|possible)|right away|immediately"
    r"|ahor(?:a|ita)|cuanto antes|ya mismo)\b"
)
_SOON = re.compile(r"\bin a (?:bit|while|minute|moment|sec)\b|\b(?:al|un) rat(?:o|ito)\b")
_LATER = re.compile(
    r"\b(?:later|(?:an|some) ?other (?:time|day)|mas tarde|luego|despues(?! del?\b)"
    r"|otro (?:dia|momento)|otra (?:hora|ocasion)|(?:not a good|a bad) time"
    rf"|(?:no es (?:un )?buen|mal) momento|(?:i m|im|i am|estoy) (?:\w+ )?(?:{_BUSY}))\b"
)
# what no day can be found for: "once I get paid", "in spring"; "when you can" is no other time
_ONCE = re.compile(
    r"\b(?:(?:call|text|contact|phone|ring|message)(?: me| us)(?: back| again)?"
    r" (?:once|when|after|in (?:the )?(?:spring|summer|fall|autumn|winter))\b"
    r"(?! (?:you|u|possible|convenient|available|ready|free|someone|somebody)\b)"
    r"|(?:llam|contact|escrib|marqu|habl)\w+"
    r" (?:cuando|en (?:la |el )?(?:primavera|verano|otono|invierno))\b"
    r"(?! (?:pueda|puedan|puedas|quiera|guste|usted|sea posible)\b))"
)
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)(?:[t ](\d\d:\d\d)(?::\d\d)?)?(?:\.\d+)?z?\b")
_NOT = (
    r"\b(?:(?:do|does|did|could|would|wo|is|are)(?: not|n ?t)|can ?(?:not|t)|not|never|except"
    r"|excepto|menos|no(?= (?:me|nos|puedo|podemos|estoy|llam|hoy|ahora|es|este|esta)))\b"
)
_NEGATED = re.compile(
    rf"{_NOT}(?: please| ever)?"
    r"(?: (?:me |nos )?(?:(?:call|contact|text|phone|ring|talk|speak|bother|message|answer|do|make)"
    r"(?:ing)?(?: (?:me|us|it))?|good|free|available|there|home|llam\w+|habl\w+|escrib\w+"
    r"|contact\w+|molest\w+|marqu\w+|(?:puedo|podemos)(?: \w+r)?|estoy))?"
    r"(?: (?:on|this|the|for|in|el|la|por|en|right|es|next))* ?$"
)
_REFUSED = re.compile(rf"{_NOT}|\bno\b|\bdont\b|\bcant\b")
_IS_BUSY = re.compile(rf"\b(?:{_BUSY})(?: all| todo)?(?: on| the| el)? $")
_IS_BAD = re.compile(
    r" (?:no (?:puedo|podemos|estoy|me)|i (?:can ?(?:not|t)|am not|m not)|(?:is no|isn t|not) good"
    r"|(?:doesn t|does not|won t) work)\b"
)
_AFTER = re.compile(r"\b(?:after|past|despues del?|pasad[oa])(?: the| el| la| las)? $")
_BEFORE = re.compile(r"\b(?:before|by|antes del?)(?: the| el| la| las)? $")
_EITHER = re.compile(r" (?:or|and|to|thru|through|o|u|y|a|al|hasta)(?: on| el| the)? ")


# "I have been waiting for 3 weeks" names no time to come; "I was ill, call me in 3 weeks" does
_GONE = re.compile(
    r"\b(?:(?:been|was|were)(?! (?:told|asked|advised|scheduled|given|promised|going|gonna|supposed"
    r"|hoping|planning|thinking|wondering)\b)|(?:tried|trying)(?: to \w+)?|waited|waiting|called"
    r"|calling|texted|texting|heard|worked"
    r"|(?:have|has|ve|haven|hasn|havent|hasnt)(?: t| not| never)?"
    r" (?:had|seen|lived|visited|received|paid|owed|used|known)"
    r"|estado|estuve|estaba|esperado|esperando|llevo|llamado|llamando|veces)\b"
)
_AHEAD = re.compile(
    r"\b(?:call|text|contact|phone|ring|write|message|email|talk|speak|try|wait|ask|remind|give|will"
    r"|ll|can|could|would|should|need|want|until|till?|to (?:come|return|be|go|pay|see|work)"
    r"|llam\w+|escrib\w+|contact\w+|habl\w+|marqu\w+|intent\w+|puedo|pueden?|voy|hasta"
    r"|esper(?:e|en|ar|eme)|regres\w+|vuelv\w+)\b"
)
_GONE_BEHIND = re.compile(
    r" (?:ago\b|(?:i|we)(?: ve| have| had)? (?:been|waited|called|tried)\b"
    r"|(?:he|hemos|llevo|llevamos) (?:estado|esperado|esperando|llamado)\b)"
)
_DAY_GONE = re.compile(
    r"\b(?:(?:last|since|desde)(?: the| el| la)?|i (?:have |ve |already |just )?"
    r"(?:called|texted|emailed|paid|came|wrote|visited|went)"
    r"(?: (?:you|in|back|again|there|it|here))?(?: on| this| last)?) $"
)
_DAY_GONE_BEHIND = re.compile(r" pasad[oa]\b")
_BECAUSE = re.compile(r" (?:is|s|are|will|es)\b")  # "since Friday is my payday"
_TO_BE_CALLED = re.compile(
    r"\b(?:call|text|phone|ring|contact|speak|talk|callback|llam\w+|habl\w+|marqu\w+|contact\w+)\b"
)


_PAST = re.compile(r"\b(?:at )?(?:a )?(?P<part>half past|quarter (?:past|to)) (?P<hour>\d{1,2})\b")


# Wednesdays, before all hours of them, so that every date is near one of them
_SOME_MORNINGS = tuple(datetime(2026, month, 7, 6, tzinfo=UTC) for month in (1, 4, 7, 10))


@dataclass(slots=True)
class _Named:
    """What a text names: days, hours (the hours that each may be), moments; and whether it says
    only now, or later.
    """

    days: list[date] = field(default_factory=list)
    hours: list[list[time]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    now: bool = False
    later: bool = False


def names_another_time(text: str) -> bool:
    """Whether it names any time from which somebody may be contacted, but now."""
    return any((asked_from(text, at, ()) or at) > at for at in _SOME_MORNINGS)


def asked_from(text: str, now: datetime, zones: Collection[str]) -> datetime | None:
    """The moment (UTC) from which somebody wants to be contacted who says `text` at `now` and may
    be in any of `zones`: `now` itself where it has come, and not much more than a year ahead; None
    where they name none.
    """
    today = local_days(zones, now)[1]
    named = _Named()
    for clause in _clauses(text):
        _read(clause, now, today, named)
    found = list(named.moments)
    if named.days or named.hours:
        found.append(_at(named, now, today, zones))
    elif named.later and not found:
        found.append(begins_everywhere(zones, today + DAY))
    return min(max([now, *found]), now + LONGEST) if found or named.now else None


def asks_at_once(text: str) -> bool:
    """Whether somebody asks to be called now, whatever times they name beside it."""
    for clause in _clauses(text):
        named = _Named()
        _read(clause, _SOME_MORNINGS[0], _SOME_MORNINGS[0].date(), named)
        another = named.days or named.hours or named.moments or named.later
        if named.now and not another and _TO_BE_CALLED.search(clause):
            return True
    return False


def _at(named: _Named, now: datetime, today: date, zones: Collection[str]) -> datetime:
    """The latest of the hours on the latest of the days; an hour that is over, and of no day, is
    the next day's.
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
    """Its clauses, of plain letters and digits, with numbers as digits."""
    plain = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", plain_letters(text).lower())
    plain = _ISO.sub(r"\2/\3/\1 at \4 ", plain)
    for clause in re.split(r"[.!?;,\n]+", plain):
        spaced = re.sub(r"(?<=\d) ?[-\u2013] ?(?=\d)", " to ", clause)
        spaced = re.sub(r"[^a-z0-9:/]+", " ", spaced).strip()
        words = (
            _NUMBERS.get(word, word) if _counts(before, word) else word
            for before, word in zip(["", *spaced.split()], spaced.split(), strict=False)
        )
        yield _PAST.sub(_past, " ".join(words))


def _past(found: Match) -> str:
    """Half past 5 as 5:30; a quarter to 5 is taken for 5."""
    minute = {"half past": ":30", "quarter past": ":15"}.get(found["part"], "")
    return f"at {found['hour']}{minute}"


def _counts(before: str, word: str) -> bool:
    """Whether a word is a number there: "at once" is none."""
    return _COUNTED.fullmatch(before) is not None and (word != "once" or before == "las")


def _read(clause: str, now: datetime, today: date, named: _Named) -> None:
    """Note what a clause names; what was read as one thing is read as nothing else."""
    left = _read_counts(clause, now, today, named)
    left = _read_days(clause, left, today, named)
    left = _read_hours(clause, left, named)
    if found := _SOON.search(left):
        named.moments.append(now + timedelta(hours=1))
        left = _without(left, found)
    is_later = _LATER.search(left) is not None or _ONCE.search(clause) is not None
    named.later = named.later or is_later
    for found in _NOW.finditer(left):
        is_refused = _REFUSED.search(clause[: found.start()]) or re.match(
            r" (?:no|not)\b", clause[found.end() :]
        )
        named.now = named.now or not is_refused
        named.later = named.later or is_refused is not None


def _read_counts(clause: str, now: datetime, today: date, named: _Named) -> str:
    left = clause
    for found in [*_HALF_HOUR.finditer(left)]:
        left = _without(left, found)
        if not _is_gone(clause, found):
            named.moments.append(now + timedelta(minutes=30))
    for found in [*_IN.finditer(left)]:
        left = _without(left, found)
        words = found["count"] or found["xcount"]
        unit = found["unit"] or found["xunit"]
        is_age = re.fullmatch(YEARS, unit) and re.match(r"(?:for|por|after)\b", found[0])
        if is_age or _is_gone(clause, found):  # "a patient for 20 years"
            continue
        number = int(words) if words.isdigit() else _COUNTS[words]
        one = next(long for each, long in _UNITS.items() if re.fullmatch(each, unit))
        if one < DAY:  # in 24 hours is a moment, in a day is a day
            named.moments.append(now + number * one)
        else:
            named.days.append(today + number * one)
    return left


def _is_gone(clause: str, found: Match) -> bool:
    """Whether a length of time is over: what they have done or suffered so far, not what they ask
    for after it.
    """
    lead = clause[: found.start()]
    if _AHEAD.match(found[0]):
        return False
    for gone in _GONE.finditer(lead):
        if not _AHEAD.search(lead, gone.end()):
            return True
    return not _AHEAD.search(lead) and _GONE_BEHIND.match(clause[found.end() :]) is not None


def _is_day_gone(lead: str, behind: str) -> bool:
    """Whether a day is over that is named between these words."""
    if _DAY_GONE_BEHIND.match(behind):
        return True
    return _DAY_GONE.search(lead) is not None and not _BECAUSE.match(behind)


def _read_days(clause: str, left: str, today: date, named: _Named) -> str:
    found: list[tuple[Match, Span]] = []
    for words, span_of in DAYS:
        for match in [*re.finditer(rf"\b(?:{words})(?=\W|$)", left)]:
            span = span_of(match, today)
            left = _without(left, match)
            if span is not None:
                found.append((match, span))
    found.sort(key=lambda each: each[0].start())
    before = 0
    for match, (first, over) in found:
        lead = clause[: match.start()]
        if before and _EITHER.fullmatch(clause[before : match.start()]):
            continue  # the first of several will do
        before = match.end()
        if not (_is_end(lead) or _is_day_gone(lead, left[before:])):
            is_over = (
                _AFTER.search(lead)
                or _NEGATED.search(lead)
                or _IS_BUSY.search(lead)
                or _IS_BAD.match(clause[before:])
            )
            named.days.append(over if is_over else first)
    return left


def _read_hours(clause: str, left: str, named: _Named) -> str:
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
            continue  # any number
        left = _without(left, found)
        if not _is_end(clause[: found.start("first")]):
            hours.append(_hours_of(found, "".join(beside) if len(beside) == 1 else ""))
    named.hours += [each for each in hours if each] or [[time(hour)] for hour, _ in parts]
    return left


def _is_end(lead: str) -> bool:
    """Whether what stands before a time makes it an end: "before 5", but not "not before 5"."""
    return _BEFORE.search(lead) is not None and _REFUSED.search(lead) is None


def _hours_of(found: Match, beside: str) -> list[time]:
    """The hours that the first one of a match may be, the likelier one first; none where there is
    no such hour.
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
