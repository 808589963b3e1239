"""Recognising card numbers, so that none is ever stored or logged, whichever field it came in.

A card number is 13 to 19 digits with an issuer's prefix and a valid Luhn check, in groups split by at
most one space or hyphen. Prefixes as in the ISO/IEC 7812 ranges of the large networks.
"""

import re
from collections.abc import Iterator
from typing import Any

_RUN = re.compile(r"(?<![\d])\d(?:[ -]?\d){12,}(?!\d)")
_PREFIX = re.compile(
    r"(?:4\d{12,18}"  # Visa: 13, 16, 19
    r"|(?:5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720))\d+"  # Mastercard: 16
    r"|3[47]\d{13}"  # American Express: 15
    r"|3(?:0[0-5]|[689])\d{11,}"  # Diners: 14 to 19
    r"|(?:6011|64[4-9]|65)\d+"  # Discover: 16 to 19
    r"|35(?:2[89]|[3-8])\d+"  # JCB: 16 to 19
    r"|(?:62|81)\d+"  # UnionPay: 16 to 19
    r"|(?:50|5[6-9]|6)\d+)$"  # Maestro: 13 to 19
)
_LENGTHS = range(13, 20)
REDACTED = "[card number removed]"


def luhn(digits: str) -> bool:
    """Whether `digits` pass the Luhn check."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the check itself
    return total % 10 == 0


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in `text`; a long run of digits is searched at every offset."""
    for run in _RUN.finditer(text):
        places = [run.start() + index for index, char in enumerate(run.group()) if char.isdigit()]
        found = _card_in([text[place] for place in places])
        if found:
            yield places[found[0]], places[found[1] - 1] + 1


def _card_in(digits: list[str]) -> tuple[int, int] | None:
    if len(digits) > max(_LENGTHS):
        return None
    number = "".join(digits)
    return (0, len(number)) if len(number) in _LENGTHS and _PREFIX.match(number) and luhn(number) else None


def has_card_number(text: str) -> bool:
    """Whether `text` holds a card number."""
    return next(_spans(text), None) is not None


def redact(text: str) -> str:
    """`text` with every card number replaced."""
    out, at = [], 0
    for start, end in _spans(text):
        out += [text[at:start], REDACTED]
        at = end
    return "".join([*out, text[at:]])


def card_fields(document: Any, exempt: frozenset[str], path: str = "") -> Iterator[str]:
    """The paths of fields in a JSON document that hold a card number, names of fields included.

    Fields named in `exempt` (phones, times, ids) are passed over when they hold plain values.
    """
    if isinstance(document, dict):
        for name, value in document.items():
            if has_card_number(str(name)):
                yield f"{path}(field name)"
            if name not in exempt or isinstance(value, dict | list):
                yield from card_fields(value, exempt, f"{path}{name}.")
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from card_fields(value, exempt, f"{path}{index}.")
    elif isinstance(document, str | int) and not isinstance(document, bool) and has_card_number(str(document)):
        yield path.rstrip(".")
