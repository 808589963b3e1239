"""Detect card numbers in text, so that none is ever stored or logged, whatever field it arrives in.

A card number is 13 to 19 digits with one network's prefix and length and a valid Luhn check, in
groups separated by at most one space, hyphen, middle dot or line break (ISO/IEC 7812; ranges as the
networks publish them). Digits and separators of every script count, and invisible characters are
dropped first (`rules/cards/plain_digits.py`). Neighbouring digits ("4242 4242 4242 4242 12 27 123")
do not hide it, but an unbroken run of more digits than a card has is another kind of number. If
line breaks are mixed with other separators, as in a list of phone numbers, only groups of four make
a card number.

The cost depends only on the length of the text, not on its content: all windows of all lengths are
checked at once (`rules/cards/digit_runs.py`).

`rules/cards/card_documents.py` says which fields of a document are checked.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain, compress

import phonenumbers

from rules.cards.digit_runs import card_windows, is_luhn
from rules.cards.issuers import LENGTHS, lengths_of
from rules.cards.plain_digits import digit_places, plain_text

REDACTED = "[card number removed]"
E164_DIGITS = 15  # the maximum, country code included
# How many numbers of one text are checked as phone numbers, which is slow. Only those that could
# be a card number are checked: about one in a hundred of the longest phone numbers.
PHONES_LOOKED_UP = 50

_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z])", re.IGNORECASE
)
_RUN = re.compile(r"\d(?:[ \n-]?\d)*", re.ASCII)


def is_card_number(digits: str) -> bool:
    """Whether these digits, without separators, are a card number."""
    return len(digits) in LENGTHS and len(digits) in lengths_of(int(digits[:4])) and is_luhn(digits)


def has_card_number(text: str, counts: "Phones | None" = None) -> bool:
    """Whether free text contains a card number."""
    return next(_spans(text, counts or Phones()), None) is not None


def has_bare_card_number(text: str) -> bool:
    """Whether an id, a key or an address contains a card number that stands alone.

    Digits adjacent to letters or an underscore (`pi_3…`, a token) are part of the id, and so is
    all of a UUID.
    """
    return next(_spans(without_uuids(text), _stands_alone), None) is not None


def without_uuids(text: str) -> str:
    """Return `text` with each UUID, in which no card number is written, replaced by a word."""
    return _UUID.sub("uuid", text)


def redact(text: str) -> str:
    """Return `text` with every card number replaced."""
    out = []
    at = 0
    for start, end in card_spans(text):
        out += [text[at:start], REDACTED]
        at = end
    return "".join([*out, text[at:]])


def card_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each card number in free text, in order."""
    return _spans(text, Phones())


class Phones:
    """Distinguishes phone numbers from card numbers, within one text or one document."""

    def __init__(self) -> None:
        self._left = PHONES_LOOKED_UP

    def __call__(self, plain: str, run: tuple[int, int], span: tuple[int, int]) -> bool:
        """Return False for a valid phone number in international form: `+` and at most 15
        digits.
        """
        begin, end = run
        if begin == 0 or plain[begin - 1] != "+" or self._left == 0:
            return True
        line_end = plain.find("\n", begin, end)
        ends = {end if line_end < 0 else line_end, span[1]}
        self._left -= 1
        return not any(
            span[1] <= phone_end and _is_phone(plain[begin - 1 : phone_end]) for phone_end in ends
        )


def _is_phone(text: str) -> bool:
    if sum(map(str.isdigit, text)) > E164_DIGITS:
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, None))
    except phonenumbers.NumberParseException:
        return False


def _stands_alone(plain: str, run: tuple[int, int], _span: tuple[int, int]) -> bool:
    around = plain[max(0, run[0] - 1) : run[0]] + plain[run[1] : run[1] + 1]
    return not any(char.isalnum() or char == "_" for char in around)


def _spans(
    text: str, counts: Callable[[str, tuple[int, int], tuple[int, int]], bool]
) -> Iterator[tuple[int, int]]:
    """Yield the spans of card numbers: whole adjacent groups of digits that together make one; the
    longest if several begin at one place. `counts` decides on a candidate from the plain text, the
    unbroken run of groups, and the candidate's own span.
    """
    if len(text) < LENGTHS.start:
        return
    plain = plain_text(text)
    windows = card_windows(plain)
    first = next(windows, None)
    if first is None:
        return
    where = list(compress(range(len(plain)), map(str.isdigit, plain)))
    places = where if plain is text else digit_places(text)
    runs = _RUN.finditer(plain)
    run = next(runs)
    done = 0
    for begin, lengths in chain([first], windows):
        if begin < done:
            continue
        while run.end() <= where[begin]:
            run = next(runs)
        for last in [begin + length - 1 for length in lengths]:
            if counts(plain, run.span(), (where[begin], where[last] + 1)):
                yield places[begin], places[last] + 1
                done = last + 1
                break
