"""Recognising card numbers in text, so that none is ever stored or logged, whichever field it came
in.

A card number is 13 to 19 digits of one network's prefix and length with a valid Luhn check, in
groups split by at most one space or hyphen (ISO/IEC 7812; ranges as the networks publish them).
Digits and separators of every script count, and so do invisible characters put between them. What
stands beside it ("4242 4242 4242 4242 12 27 123") does not hide it, but an unbroken run of more
digits than a card has is another kind of number. `rules/cards/card_documents.py` says which fields
of a document are looked at.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

import phonenumbers

REDACTED = "[card number removed]"
LENGTHS = range(13, 20)
E164_DIGITS = 15  # a phone number has at most these, country code included

_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa: 13, 16, 19
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard: 16
    r"|3[47]\d{13}"  # American Express: 15
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"  # Diners Club: 14 to 19
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover: 16 to 19
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB: 16 to 19
    r"|(?:62|81)\d{14,17}"  # UnionPay: 16 to 19
    r"|(?:50|5[6-9]|6\d)\d{11,17}"  # Maestro: 13 to 19
)
_RUN = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,}(?!\d)", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
# every second digit counts twice, as the sum of its digits
_DOUBLED = dict(zip("0123456789", (0, 2, 4, 6, 8, 1, 3, 5, 7, 9), strict=True))
_FIRST = frozenset("234568")  # what a card number begins with
_INVISIBLE = "Cf"  # Unicode's category of zero-width characters and soft hyphens


def luhn(digits: str) -> bool:
    """Whether `digits` pass the Luhn check."""
    return (
        sum(map(int, digits[-1::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))
    ) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Whether these digits, with nothing between them, are a card number."""
    return len(digits) in LENGTHS and _NETWORKS.fullmatch(digits) is not None and luhn(digits)


def has_card_number(text: str) -> bool:
    """Whether free text holds a card number."""
    return _found(text, _not_a_phone) is not None


def has_bare_card_number(text: str) -> bool:
    """Whether an id, a key or an address holds a card number on its own.

    Digits that touch letters or an underscore (`pi_3…`, a UUID, a token) are part of the id.
    """
    return _found(text, _stands_alone) is not None


def redact(text: str) -> str:
    """`text` with every card number replaced."""
    if len(text) < LENGTHS.start:
        return text
    plain, places = _plain(text)
    out = []
    at = 0
    for start, end in _spans(plain, _not_a_phone):
        out += [text[at : places[start]], REDACTED]
        at = places[end - 1] + 1
    return "".join([*out, text[at:]])


def _found(text: str, counts: Callable[[str, int, int], bool]) -> tuple[int, int] | None:
    return next(_spans(_plain(text)[0], counts), None) if len(text) >= LENGTHS.start else None


def _plain(text: str) -> tuple[str, range | list[int]]:
    """`text` in ASCII digits, spaces and hyphens, without invisible characters; and where each
    character stood.
    """
    if text.isascii():
        return text.replace("\t", " "), range(len(text))
    kept = [
        (place, _plain_char(char))
        for place, char in enumerate(text)
        if unicodedata.category(char) != _INVISIBLE
    ]
    return "".join(char for _, char in kept), [place for place, _ in kept]


def _plain_char(char: str) -> str:
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    match unicodedata.category(char):
        case "Zs":
            return " "
        case "Pd":
            return "-"
        case _:
            return {"\t": " ", "\u2212": "-"}.get(char, char)


def _spans(plain: str, counts: Callable[[str, int, int], bool]) -> Iterator[tuple[int, int]]:
    """Where card numbers stand: whole groups of digits, next to each other,
    that make one together.
    """
    for run in _RUN.finditer(plain):
        if not counts(plain, run.start(), run.end()):
            continue
        groups = [
            (run.start() + group.start(), group.group()) for group in _GROUP.finditer(run.group())
        ]
        first = 0
        while first < len(groups):
            last = _card_from(groups, first)
            if last is not None:
                yield groups[first][0], groups[last][0] + len(groups[last][1])
                first = last
            first += 1


def _card_from(groups: list[tuple[int, str]], first: int) -> int | None:
    """The last of the groups, from `first` on, that are a card number together;
    the longest wins.
    """
    digits = ""
    found = None
    if groups[first][1][0] not in _FIRST:
        return None
    for index in range(first, len(groups)):
        digits += groups[index][1]
        if len(digits) >= LENGTHS.stop:
            break
        if len(digits) >= LENGTHS.start and is_card_number(digits):
            found = index
    return found


def _not_a_phone(plain: str, start: int, end: int) -> bool:
    """False for a valid phone number in international form: `+` and at most 15 digits."""
    if (
        start == 0
        or plain[start - 1] != "+"
        or sum(map(str.isdigit, plain[start:end])) > E164_DIGITS
    ):
        return True
    try:
        return not phonenumbers.is_valid_number(phonenumbers.parse(plain[start - 1 : end], None))
    except phonenumbers.NumberParseException:
        return True


def _stands_alone(plain: str, start: int, end: int) -> bool:
    around = plain[max(0, start - 1) : start] + plain[end : end + 1]
    return not any(char.isalnum() or char == "_" for char in around)
