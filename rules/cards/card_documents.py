"""Which fields of a document must not hold a card number, and how a provider's document is
redacted.

Input from people is refused, field by field. Phone numbers, times and ids are recognised by the
field's name and by the value's format: a field called `phone` that holds sixteen digits is not a
phone number. A provider's signed document is redacted instead; there only text changes, never an
amount, a time or an id.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from rules.cards.card_numbers import (
    REDACTED,
    Phones,
    has_bare_card_number,
    has_card_number,
    is_card_number,
    redact,
    without_uuids,
)
from rules.cards.issuers import LENGTHS

_PHONE_NAME = re.compile(
    r"(?:^|[a-z_])(?:phone|phone_?number|clinic_?number|mobile|fax)$|^(?:from|to)$", re.IGNORECASE
)
_PHONE = re.compile(r"\+?[\d ().-]{4,24}", re.ASCII)
_TIME_NAME = re.compile(
    r"(?:At|Since|For|Date|Until|_at|_date)$"
    r"|^(?:created|updated|since|date|due|timestamp|time|expires)$"
)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|["
    r" +-]\d\d:?\d\d)?)?|(?:\d{9,12}|[1-3]\d{12})(?:\.\d{1,9})?",
    re.ASCII,
)
_ID_NAME = re.compile(
    r"(?:Id|Ids|ID|Sid|Token|Key|SHA256|_id|_ids|_sid|_key|_token)$"
    r"|^(?:id|sid|startingAfter|after|since|reference|token|key|code)$"
)
_UUID_NAME = re.compile(r"^(?:url|session_state|iss)$")  # besides UUIDs, checked like text
_PROVIDER_ID = re.compile(
    r"(?:^|_)(?:id|sid|secret|fingerprint|url|token|key)$|(?:Id|Sid|Url|Key|Token)$"
    r"|^(?:path|signature)$"
)
# ids as providers write them, e.g. pi_3Abc or ch_1Xyz
_ID = re.compile(r"[a-z]{2,8}_[0-9A-Za-z_]+", re.ASCII)
# people can write anything in these
_FREE_TEXT = frozenset({"metadata", "custom_fields", "customFields"})
# quick and over-cautious: an escape may stand for a digit, or for a separator
_DIGITS = re.compile(r"\d(?:[^0-9A-Za-z{}:]{0,12}\d){12,}", re.ASCII)
_RUN = re.compile(r"[0-9][^A-Za-z{}:]{12,}")  # contains _DIGITS; much faster to find
_ESCAPE = re.compile(r"\\[bfnrtu]")
# more digits than a card has, inside an id: neither a card number nor a JSON number
_LONG_IN_ID = re.compile(rf"(?<=[A-Za-z_])[0-9]{{{LENGTHS.stop},}}")
# sizes of a list whose members could be one card number in pieces
_SPLIT_PARTS = range(2, 20)
# A longer field name is ignored: it says nothing about the content, and matching it against
# every value of a list would be slow.
_LONGEST_NAME = 64
_TOO_LARGE = 10 ** (LENGTHS.stop - 1)  # the first number with more digits than a card has

# a value's path as a linked list, last step first: joined only when needed, because a long name
# above many values would be copied for each of them
_Path = tuple["_Path", str] | None


def card_fields(document: Any, at_most: int | None = None) -> list[str]:
    """Return the paths of the fields of a document that hold a card number, at most `at_most`.
    Field names are checked too; values are never returned.
    """
    return list(islice(map(_dotted, _fields(document, "", None, Phones())), at_most))


def _fields(value: Any, name: str, path: _Path, phones: Phones) -> Iterator[_Path]:
    if isinstance(value, dict):
        for key, member in _long_enough(value.items()):
            if has_card_number(str(key), phones):
                yield path, "(a field's name)"
            else:
                yield from _fields(member, str(key), (path, str(key)), phones)
    elif isinstance(value, list) and not _is_split_card(value):
        for index, member in _long_enough(enumerate(value)):
            yield from _fields(member, name, (path, str(index)), phones)
    elif isinstance(value, list) or holds_card_number(name, value, phones):
        yield path


def _long_enough(members: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Skip the members whose name and value are both too short for a card number: most are."""
    return (
        (key, member)
        for key, member in members
        if not isinstance(member, str)
        or len(member) >= LENGTHS.start
        or len(str(key)) >= LENGTHS.start
    )


def _dotted(path: _Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    return ".".join(reversed(steps))


def holds_card_number(name: str, value: Any, phones: Phones | None = None) -> bool:
    """Whether the plain value of a field called `name` is, or contains, a card number."""
    text = _text(value)
    if len(text) < LENGTHS.start:
        return False
    name = _usable_name(name)
    if _PHONE_NAME.search(name) and _PHONE.fullmatch(text):
        return _is_card_not_phone(text)
    if _TIME_NAME.search(name) and _TIME.fullmatch(text):
        return False
    if _ID_NAME.search(name) and " " not in text.strip():
        return has_bare_card_number(text)
    if _UUID_NAME.search(name):
        text = without_uuids(text)
    return has_card_number(text, phones)


def _usable_name(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else ""


def redacted_json(text: str) -> str:
    """Redact card numbers in the free text of a provider's JSON; unchanged if there are none.

    Text that is not JSON is redacted as plain text.
    """
    if not _is_suspect(text) or not _is_suspect(_LONG_IN_ID.sub("x", text)):
        return text
    try:
        document = json.loads(text)
        clean = redacted_document(document)
        return text if clean == document and not has_card_number(text) else json.dumps(clean)
    except (ValueError, RecursionError):
        return redact(text)


def _is_suspect(text: str) -> bool:
    return (
        not text.isascii()
        or _ESCAPE.search(text) is not None
        or any(_DIGITS.search(run[0]) for run in _RUN.finditer(text))
    )


def redacted_document(value: Any, name: str = "", free: bool = False) -> Any:
    """Redact card numbers in a provider's document. `free`: inside fields that people fill in."""
    if isinstance(value, dict):
        return {
            redact(str(key)): redacted_document(member, str(key), free or str(key) in _FREE_TEXT)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return (
            [REDACTED] * len(value)
            if free and _is_split_card(value)
            else [redacted_document(member, name, free) for member in value]
        )
    if isinstance(value, bool) or value is None:
        return value
    if not free and (
        not isinstance(value, str)
        or _PROVIDER_ID.search(_usable_name(name))
        or _ID.fullmatch(value)
    ):
        return value
    if not holds_card_number(name, value):
        return value
    clean = redact(_text(value))
    return clean if clean != value else REDACTED


def _text(value: Any) -> str:
    """A plain value as the digits a person would read, e.g. 4242424242424242.0 without its
    fraction. Empty for a number with too many digits.
    """
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int | float) and not -_TOO_LARGE < value < _TOO_LARGE:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return str(value)


def _is_card_not_phone(text: str) -> bool:
    """Whether a phone field holds a card number: it has more digits than any phone number, or no
    `+`.
    """
    digits = "".join(char for char in text if char.isdigit())
    # E.164
    is_phone = text.startswith("+") and len(digits) <= 15  # noqa: PLR2004
    return not is_phone and is_card_number(digits)


def _is_split_card(members: list[Any]) -> bool:
    """Whether a list's members, concatenated, are a card number."""
    if len(members) not in _SPLIT_PARTS or not all(
        isinstance(member, str | int) for member in members
    ):
        return False
    digits = "".join(_text(member).strip() for member in members)
    return digits.isascii() and digits.isdigit() and is_card_number(digits)
