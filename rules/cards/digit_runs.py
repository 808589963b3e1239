"""Check every window of 13 to 19 digits of a text at once for card numbers.

The text is untrusted and may be long; a loop over its windows would cost a sender nothing and us a
lot. So each rule is evaluated for all positions together, by arithmetic on one big integer that
holds one byte per digit, the first digit in the lowest byte: shifted right by one byte, it has the
next digit at each position. The cost depends only on the length of the text.
"""

import re
from collections.abc import Callable, Iterator

from rules.cards.issuers import LENGTHS, lengths_of


def _table(of: Callable[[int], int]) -> bytes:
    """A translation table for `bytes.translate`."""
    return bytes(of(byte) & 0xFF for byte in range(256))


def _is_in(chars: bytes) -> bytes:
    return _table(lambda byte: byte in chars)


_OTHER = 0xFF  # not a digit
_DIGITS = b"0123456789"
_IS_DIGIT, _IS_LINE_BREAK, _IS_SEPARATOR = _is_in(_DIGITS), _is_in(b"\n"), _is_in(b" -")
_VALUE = _table(lambda byte: byte - ord("0") if byte in _DIGITS else _OTHER)

# Each digit's byte also encodes what separates it from the next one: nothing, a line break,
# another separator, or a gap, which ends the number.
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

# By the first two digits: the possible lengths, as bits; and, if these apply to only part of the
# next two digits, a bit that the next two must have.
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

# A cheap pre-check, so that ids and times, most of what is searched, skip the arithmetic: a group
# whose first digit some network uses, enough digits with at most one separator between any two,
# and no digit after the last. It takes a few steps at each digit.
_FIRST = "".join(str(digit) for digit in range(10) if any(_ALLOWED[digit * 10 : digit * 10 + 10]))
_MORE = f"{LENGTHS.start - 1},{LENGTHS.stop - 2}"  # digits after the first
_MAY_BE = re.compile(rf"(?<![0-9])[{_FIRST}](?:[ \n-]?[0-9]){{{_MORE}}}(?![0-9])")


def is_luhn(digits: str) -> bool:
    """Whether `digits` pass the Luhn check."""
    values = digits.encode().translate(_DIGIT)
    return (sum(values[::-1][::2]) + sum(values.translate(_DOUBLED)[::-1][1::2])) % 10 == 0


def card_windows(plain: str) -> Iterator[tuple[int, list[int]]]:
    """Yield the card numbers of a plain text: the index, among all its digits, of the digit that
    one or more begin with, and their lengths, longest first.
    """
    if not _MAY_BE.search(plain):
        return
    raw = plain.encode("ascii", "replace")
    for found in _FOUND.finditer(_card_lengths(_digits(raw))):
        yield found.start(), _LENGTHS[found[0][0]]


def _number(codes: bytes, table: bytes) -> int:
    return int.from_bytes(codes.translate(table), "little")


def _digits(raw: bytes) -> bytes:
    """The text's digits only, each with the code of its separator."""
    digit = _number(raw, _IS_DIGIT)
    next_digit, digit_after_next = digit >> 8, digit >> 16
    apart = digit & digit_after_next
    line = apart & _number(raw, _IS_LINE_BREAK) >> 8
    part = apart & _number(raw, _IS_SEPARATOR) >> 8
    gap = digit & ~(next_digit | line | part)
    codes = _number(raw, _VALUE) + (line << _LINE) + (part << _PART) + (gap << _GAP)
    return codes.to_bytes(len(raw), "little").translate(None, bytes([_OTHER]))


def _card_lengths(digits: bytes) -> bytes:
    """For each digit, the lengths of the card numbers that begin there, as bits."""
    size = len(digits)
    value, doubled = _number(digits, _DIGIT), _number(digits, _DOUBLED)
    line, part, gap = (_number(digits, table) for table in (_HAS_LINE, _HAS_PART, _HAS_GAP))
    split = line | part
    ends = split | gap
    starts = (ends << 8 | 1) & ((1 << 8 * size) - 1)
    lengths = _network_lengths(value, size) & starts * 0x7F
    ones = int.from_bytes(b"\1" * size, "little")
    found = even = odd = crossed = has_line = has_part = uneven = 0
    for index in range(LENGTHS.stop - 1):
        shift = 8 * index
        # the two Luhn sums so far, by which digits count once: the last digit always does
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


def _network_lengths(value: int, size: int) -> int:
    """For each digit, as bits, the lengths of card numbers that begin with it and the three after
    it.
    """
    pair = 10 * value + (value >> 8)
    pairs = pair.to_bytes(size + 1, "little")[:size]
    next_two = (pair >> 16).to_bytes(size, "little")
    fits = _number(pairs, _WANTS) & _number(next_two, _HAS)
    return _number(pairs, _ALLOWED) & _number(fits.to_bytes(size, "little"), _ANY)
