"""Recognising card numbers in text, so that none is ever stored or logged, whichever field it came
in.

A card number is 13 to 19 digits of one network's prefix and length with a valid Luhn check, in
groups split by at most one space, hyphen, middle dot or line break (ISO/IEC 7812; ranges as the
networks publish them). Digits and separators of every script count, and characters that nobody sees
are dropped first (`rules/cards/plain_digits.py`). What stands beside it ("4242 4242 4242 4242 12 27
123") does not hide it, but an unbroken run of more digits than a card has is another kind of
number. Where lines break between other separators, as in a list of phone numbers, only groups of
four are a card number.

The cost is the same for every text of a length, whatever stands in it: all windows of all lengths
are weighed at once (`rules/cards/digit_runs.py`).

`rules/cards/card_documents.py` says which fields of a document are looked at.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain, compress

import phonenumbers

from rules.cards.digit_runs import card_windows, is_luhn
from rules.cards.issuers import LENGTHS, lengths_of
from rules.cards.plain_digits import digit_places, plain_text

REDACTED = "[card number removed]"
E164_DIGITS = 15  # a phone number has at most these, country code included
# How many numbers of one text are looked up as phones: that is slow. Only those that could be a
# card number are, about one in a hundred of the longest.
PHONES_LOOKED_UP = 50

_RUN = re.compile(r"\d(?:[ \n-]?\d)*", re.ASCII)


def is_card_number(digits: str) -> bool:
    """Whether these digits, with nothing between them, are a card number."""
    return len(digits) in LENGTHS and len(digits) in lengths_of(int(digits[:4])) and is_luhn(digits)


def has_card_number(text: str, counts: "Phones | None" = None) -> bool:
    """Whether free text holds a card number."""
    return next(_spans(text, counts or Phones()), None) is not None


def has_bare_card_number(text: str) -> bool:
    """Whether an id, a key or an address holds a card number on its own.

    Digits that touch letters or an underscore (`pi_3…`, a UUID, a token) are part of the id.
    """
    return next(_spans(text, _stands_alone), None) is not None


def redact(text: str) -> str:
    """`text` with every card number replaced."""
    out = []
    at = 0
    for start, end in card_spans(text):
        out += [text[at:start], REDACTED]
        at = end
    return "".join([*out, text[at:]])


def card_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the card numbers of free text begin and end, in their order."""
    return _spans(text, Phones())


class Phones:
    """Tells phone numbers from card numbers, in one text or in all of one document's."""

    def __init__(self) -> None:
        self._left = PHONES_LOOKED_UP

    def __call__(self, plain: str, run: tuple[int, int], span: tuple[int, int]) -> bool:
        """False for a valid phone number in international form: `+` and at most 15 digits."""
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
    """Where card numbers stand: whole groups of digits, next to each other, that make one together;
    the longest where several begin at one place. `counts` is told the plain text, the unbroken run
    of groups and the number's own part of it.
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
