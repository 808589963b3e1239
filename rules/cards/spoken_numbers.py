"""Redact card numbers read out in a transcript: in figures or words, English or Spanish, with
commas, full stops and pauses between them. A number begun by one speaker and finished by another is
not recognised.
"""

import re
from bisect import bisect_left, bisect_right

from rules.cards.card_numbers import REDACTED, card_spans, redact

_ONES = (
    ("zero", "oh", "o", "cero"),
    ("one", "uno"),
    ("two", "dos"),
    ("three", "tres"),
    ("four", "cuatro"),
    ("five", "cinco"),
    ("six", "seis"),
    ("seven", "siete"),
    ("eight", "ocho"),
    ("nine", "nueve"),
)
_TEENS = (
    ("ten", "diez"),
    ("eleven", "once"),
    ("twelve", "doce"),
    ("thirteen", "trece"),
    ("fourteen", "catorce"),
    ("fifteen", "quince"),
    ("sixteen", "dieciséis"),
    ("seventeen", "diecisiete"),
    ("eighteen", "dieciocho"),
    ("nineteen", "diecinueve"),
)
_TENS = (
    ("twenty", "veinte"),
    ("thirty", "treinta"),
    ("forty", "cuarenta"),
    ("fifty", "cincuenta"),
    ("sixty", "sesenta"),
    ("seventy", "setenta"),
    ("eighty", "ochenta"),
    ("ninety", "noventa"),
)
_TIMES = {"double": 2, "doble": 2, "triple": 3}
_DIGITS = {
    word: str(value)
    for first, values in ((0, _ONES), (10, _TEENS))
    for value, words in enumerate(values, first)
    for word in words
}
_TEN_TIMES = {word: str(ten) for ten, words in enumerate(_TENS, 2) for word in words}
_ONE = "|".join(word for words in _ONES[1:] for word in words)
_SPOKEN = re.compile(
    rf"[0-9]+|\b(?:(?P<ten>{'|'.join(_TEN_TIMES)})(?:(?:[ -]| y )(?P<one>{_ONE}))?"
    rf"|(?:(?P<times>{'|'.join(_TIMES)}) )?(?P<word>{'|'.join(_DIGITS)}))\b",
    re.IGNORECASE,
)
_PAUSE = re.compile(r"[^\w\n+]{1,5}(?:(?:uh|um|er|eh|este),? )?", re.IGNORECASE)


def redact_spoken(text: str) -> str:
    """Return a transcript with every card number replaced."""
    text = redact(text)
    parts: list[str] = []
    ends: list[int] = []
    numbers: list[tuple[int, int]] = []
    last = size = 0
    for found in _SPOKEN.finditer(text):
        between = text[last : found.start()]
        is_near = numbers and _PAUSE.fullmatch(between)
        parts.append((" " if is_near else f"x{between[-1:]}") + _digits(found))
        size, last = size + len(parts[-1]), found.end()
        ends.append(size)
        numbers.append(found.span())
    out: list[str] = []
    last = 0
    for begin, end in card_spans("".join(parts)):
        first, final = bisect_right(ends, begin), bisect_left(ends, end)
        out += [text[last : numbers[first][0]], REDACTED]
        last = numbers[final][1]
    return "".join([*out, text[last:]])


def _digits(found: re.Match[str]) -> str:
    if (ten := found["ten"]) is not None:
        one = found["one"]
        return _TEN_TIMES[ten.lower()] + (_DIGITS[one.lower()] if one else "0")
    if (word := found["word"]) is not None:
        return _DIGITS[word.lower()] * _TIMES.get((found["times"] or "").lower(), 1)
    return found[0]
