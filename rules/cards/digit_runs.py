"""Every stretch of 13 to 19 digits of a text, weighed at once: which of them are card numbers.

A text is untrusted, and long; a loop over its stretches would cost whoever sends it nothing and us
much. So each rule is worked out for all positions together, by arithmetic on one integer that holds
a byte per digit, the first digit in the lowest: shifted right by one byte, it holds the next digit
at each place. What a search costs follows from the length of the text alone.
"""

import re
from collections.abc import Callable, Iterator

from rules.cards.issuers import LENGTHS, lengths_of


def _table(of: Callable[[int], int]) -> bytes:
    """A table for `bytes.translate`."""
    return bytes(of(byte) & 0xFF for byte in range(256))


def _where(chars: bytes) -> bytes:
    return _table(lambda byte: byte in chars)


_OTHER = 0xFF  # no digit
_DIGITS = b"0123456789"
_IS_DIGIT, _IS_LINE_BREAK, _IS_SEPARATOR = _where(_DIGITS), _where(b"\n"), _where(b" -")
_VALUE = _table(lambda byte: byte - ord("0") if byte in _DIGITS else _OTHER)

# A digit with what follows it before the next one: nothing, a line break, another separator, or
# something that ends a number.
_LINE, _PART, _GAP = 4, 5, 6  # bits above the digit's four
_DIGIT = _table(lambda byte: byte & 0x0F)
# every second digit counts twice, as the sum of its digits
_DOUBLED = _table(lambda byte: sum(divmod(2 * (byte & 0x0F), 10)))
_HAS_LINE = _table(lambda byte: byte >> _LINE & 1)
_HAS_PART = _table(lambda byte: byte >> _PART & 1)
_HAS_GAP = _table(lambda byte: byte >> _GAP & 1)
_IS_TEN = _table(lambda byte: byte % 10 == 0)
_FOUND = re.compile(rb"[^\0]")


def _bit(length: int) -> int:
    return length - LENGTHS.start


def _bits(lengths: frozenset[int]) -> int:
    return sum(1 << _bit(length) for length in lengths)


_LENGTHS = [
    [length for length in reversed(LENGTHS) if bits >> _bit(length) & 1] for bits in range(256)
]

# By the first two digits: the lengths of card numbers, as bits; and, where not every such number
# is one, a bit that the next two digits must have.
_BY_PAIR = [{lengths_of(pair * 100 + next_two) for next_two in range(100)} for pair in range(100)]
_PARTLY = [pair for pair, lengths in enumerate(_BY_PAIR) if len(lengths) > 1]
_ALLOWED = _table(lambda pair: max(map(_bits, _BY_PAIR[pair])) if pair < len(_BY_PAIR) else 0)
_WANTS = _table(lambda pair: 2 << _PARTLY.index(pair) if pair in _PARTLY else 1)
_HAS = _table(
    lambda next_two: (
        1
        + sum(
            2 << index
            for index, pair in enumerate(_PARTLY)
            if next_two < len(_BY_PAIR) and lengths_of(pair * 100 + next_two)
        )
    )
)
_ANY = _table(lambda byte: 0x7F if byte else 0)

# Where one may begin at all, so that ids and times, most of what is searched, are not weighed: the
# first digit of a group, of which some network has numbers, as many digits with one separator at
# most between two of them, and no digit after the last. Tried at each digit for a few steps.
_FIRST = "".join(str(digit) for digit in range(10) if any(_ALLOWED[digit * 10 : digit * 10 + 10]))
_MORE = f"{LENGTHS.start - 1},{LENGTHS.stop - 2}"  # digits after the first
_MAY_BE = re.compile(rf"(?<![0-9])[{_FIRST}](?:[ \n-]?[0-9]){{{_MORE}}}(?![0-9])")


def is_luhn(digits: str) -> bool:
    """Whether `digits` pass the Luhn check."""
    values = digits.encode().translate(_DIGIT)
    return (sum(values[::-1][::2]) + sum(values.translate(_DOUBLED)[::-1][1::2])) % 10 == 0


def card_windows(plain: str) -> Iterator[tuple[int, list[int]]]:
    """The card numbers of a plain text: the index, among all its digits, of a digit that some begin
    with, and how many digits those have, the most first.
    """
    if not _MAY_BE.search(plain):
        return
    raw = plain.encode("ascii", "replace")
    for found in _FOUND.finditer(_weighed(_digits(raw))):
        yield found.start(), _LENGTHS[found[0][0]]


def _number(codes: bytes, table: bytes) -> int:
    return int.from_bytes(codes.translate(table), "little")


def _digits(raw: bytes) -> bytes:
    """The digits of a text with what follows each, and nothing else."""
    digit = _number(raw, _IS_DIGIT)
    next_digit, digit_after_next = digit >> 8, digit >> 16
    apart = digit & digit_after_next
    line = apart & _number(raw, _IS_LINE_BREAK) >> 8
    part = apart & _number(raw, _IS_SEPARATOR) >> 8
    gap = digit & ~(next_digit | line | part)
    codes = _number(raw, _VALUE) + (line << _LINE) + (part << _PART) + (gap << _GAP)
    return codes.to_bytes(len(raw), "little").translate(None, bytes([_OTHER]))


def _weighed(digits: bytes) -> bytes:
    """For each digit, the lengths of the card numbers that begin there, as bits."""
    size = len(digits)
    value, doubled = _number(digits, _DIGIT), _number(digits, _DOUBLED)
    line, part, gap = (_number(digits, table) for table in (_HAS_LINE, _HAS_PART, _HAS_GAP))
    split = line | part
    ends = split | gap
    starts = (ends << 8 | 1) & ((1 << 8 * size) - 1)
    lengths = _issued(value, size) & starts * 0x7F
    ones = int.from_bytes(b"\1" * size, "little")
    found = even = odd = crossed = has_line = has_part = uneven = 0
    for index in range(LENGTHS.stop - 1):
        shift = 8 * index
        # the Luhn sums of the digits so far, by which of them count once: the last one must
        once, twice = value >> shift, doubled >> shift
        even, odd = (even + once, odd + twice) if index % 2 == 0 else (even + twice, odd + once)
        length = index + 1
        if length in LENGTHS:
            sums = (odd if index % 2 else even).to_bytes(size, "little")
            bit = _bit(length)
            here = lengths >> bit & ones & _number(sums, _IS_TEN) & ends >> shift
            found |= (here & ~crossed & ~(has_line & has_part & uneven)) << bit
        crossed |= gap >> shift
        has_line |= line >> shift
        has_part |= part >> shift
        if length % 4:
            uneven |= split >> shift
    return found.to_bytes(size, "little")


def _issued(value: int, size: int) -> int:
    """For each digit, the lengths that a network's numbers have that begin with this digit and the
    three after it, as bits.
    """
    pair = 10 * value + (value >> 8)
    pairs = pair.to_bytes(size + 1, "little")[:size]
    next_two = (pair >> 16).to_bytes(size, "little")
    fits = _number(pairs, _WANTS) & _number(next_two, _HAS)
    return _number(pairs, _ALLOWED) & _number(fits.to_bytes(size, "little"), _ANY)
