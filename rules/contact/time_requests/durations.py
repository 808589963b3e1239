"""Lengths of time that people name, in English and Spanish: "for two weeks", "in a year and a
half".

Each pattern expects plain letters, digits and single spaces. A fraction of a unit counts as a whole
one.
"""

import re
from datetime import timedelta

from rules.contact.time_requests.days import DAY, WEEK, Match

FARTHEST = timedelta(days=36_525)  # a hundred years, to keep dates within the calendar
YEARS = r"years?|yrs?|anos?"
_COUNTS = {
    "a": 1,
    "an": 1,
    "un": 1,
    "una": 1,
    "another": 1,
    "otro": 1,
    "otra": 1,
    "the next": 1,
    "the coming": 1,
    "the whole": 1,
    "couple": 2,
    "par": 2,
    "dozen": 12,
    "docena": 12,
    "hundred": 100,
    "cien": 100,
} | dict.fromkeys(("few", "several", "some", "unos", "unas", "pocos", "pocas"), 3)
_UP_TO_TWENTY = (
    (
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty"
    ),
    (
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
        " dieciseis diecisiete dieciocho diecinueve veinte"
    ),
)
_TENS_ABOVE = (
    "thirty forty fifty sixty seventy eighty ninety",
    "treinta cuarenta cincuenta sesenta setenta ochenta noventa",
)
_NUMBERS = {
    word: str(number) for words in _UP_TO_TWENTY for number, word in enumerate(words.split(), 1)
} | {
    word: str(number)
    for words in _TENS_ABOVE
    for number, word in zip(range(30, 100, 10), words.split(), strict=True)
}
_BEFORE_NUMBERS = re.compile(
    "|need|necesito|d[ae](?:me|nos)|denme|dennos|el|dia|at|after|past|around|about|until|till?"
    "|before|by|between|in|for|and|to|or"
    "|wait|me|us|next"
    "|coming|following|another|other|like|least|most|over|maybe|every|las?|los|en|de|por|y|o"
    "|otr[oa]s?"
    "|proxim[oa]s?|unos|unas|menos|espere|durante"
)
_TENS = frozenset(str(number) for number in range(20, 100, 10))
_UNITS: dict[str, timedelta] = {
    r"minutes?|mins?|minutos?": timedelta(minutes=1),
    r"hours?|hrs?|horas?": timedelta(hours=1),
    r"days?|dias?": DAY,
    r"weeks?|wks?|semanas?": WEEK,
    r"fortnights?|quincenas?": 2 * WEEK,
    r"months?|mos|mes(?:es)?": timedelta(days=31),
    YEARS: timedelta(days=366),
    r"decades?|decadas?": timedelta(days=3653),
}
UNIT = "|".join(_UNITS)
_ONE = (
    rf"(?P<count>\d{{1,4}}|{'|'.join(_COUNTS)})"
    rf"(?: of| de)?(?: more| mas| whole| full| good)? ?(?P<unit>{UNIT})\b"
)
_COUNT = (
    rf"(?:at least |about |over |like |maybe |al menos |mas de |unos |unas |otr[oa]s )?"
    rf"(?:the |these |los |las )?(?:next |coming |following |proxim[oa]s )?(?:other |another )?"
    rf"(?:a |un )?(?:\d{{1,4}} (?:or|to|o|a|y|and) )?{_ONE}"
    r"(?P<half> and (?:a |1 )?half| y medi[oa])?(?: (?:or|o) (?P<most>\d{1,4})\b)?"
)
LENGTH = re.compile(
    rf"\b(?:in|for|after|wait|within|en|dentro de|espere\w*|por|durante|give (?:me|us|it)"
    r"|need|necesito|d[ae](?:me|nos)|denme|dennos"
    rf"|^(?=\d{{1,4}} (?:{UNIT})(?: (?:please|pls|thanks?|gracias|por favor))*$)"
    r"|(?=\d{1,4} (?:more|mas) )|(?=(?:the next|los proximos|las proximas) )"
    r"|(?=(?:at least|al menos) )"
    r"|(?:not|until|till?|hasta)(?: for)?(?= another| otr[oa]))"
    rf" ?{_COUNT}|\b{re.sub('P<', 'P<x', _COUNT)} (?:later|from now|mas tarde|more)\b"
)
_AND_MORE = re.compile(rf" (?:and|y) {_ONE}")
_HALVES = {
    re.compile(r"\bhalf an hour\b|\bmedia hora\b"): timedelta(minutes=30),
    re.compile(r"\bhalf (?:a|the) day\b|\bmedio dia\b(?= mas)"): timedelta(hours=12),
    re.compile(r"\bhalf (?:a|the) year\b|\bmedio ano\b"): timedelta(days=183),
}


def in_digits(spaced: str) -> str:
    """Write number words as digits where a number is meant: "once" (Spanish for 11) is one in
    "a las once", but not in "at once".
    """
    words: list[str] = []
    before = ""
    for word in spaced.split():
        digits = _NUMBERS.get(word, "")
        if digits and words and words[-1] in _TENS and before in _NUMBERS and len(digits) == 1:
            words[-1] = str(int(words[-1]) + int(digits))  # twenty four
        elif digits and _is_counted(before, word):
            words.append(digits)
        else:
            words.append(word)
        before = word
    return " ".join(words)


def _is_counted(before: str, word: str) -> bool:
    return _BEFORE_NUMBERS.fullmatch(before) is not None and (word != "once" or before == "las")


def lengths(clause: str) -> list[tuple[Match, int, timedelta]]:
    """The lengths of time in a clause: the match, the position where it ends, and the length."""
    found = [
        (match, match.end(), length)
        for words, length in _HALVES.items()
        for match in words.finditer(clause)
    ]
    for match in LENGTH.finditer(clause):
        parts = {
            name: match[name] or match[f"x{name}"] for name in ("count", "unit", "half", "most")
        }
        length = _length(parts["most"] or parts["count"], parts["unit"], parts["half"] is not None)
        end = match.end()
        while more := _AND_MORE.match(clause, end):
            length = min(FARTHEST, length + _length(more["count"], more["unit"]))
            end = more.end()
        found.append((match, end, length))
    return found


def _length(count: str, unit: str, and_a_half: bool = False) -> timedelta:
    number = int(count) if count.isdigit() else _COUNTS[count]
    one = next(long for each, long in _UNITS.items() if re.fullmatch(each, unit))
    return min(FARTHEST, (number + and_a_half) * one)
