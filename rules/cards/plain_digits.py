"""Normalise text for digit searches: digits of every script in ASCII, uniform spaces, dashes and
line breaks, and no invisible characters.

Invisible are the code points that Unicode lets a renderer ignore, marks, and controls. A run of
them next to a space, a dash or a plus sign is dropped; elsewhere it becomes one hyphen, because it
may separate two numbers as well as split one.
"""

import re
import unicodedata
from functools import cache
from itertools import chain

_INVISIBLE = "\0"  # the placeholder for a run of invisible characters
_MARKS_AND_CONTROLS = frozenset({"Mn", "Mc", "Me", "Cf", "Cc"})
# Invisible but of another category: fillers and a blank, and unassigned code points that are
# ignorable by default (Unicode's DerivedCoreProperties).
_BLANK = frozenset({0x115F, 0x1160, 0x2065, 0x2800, 0x3164, 0xFFA0, *range(0xFFF0, 0xFFF9)})
_TAGS_AND_SELECTORS = range(0xE0000, 0xE1000)
_ASSIGNED = range(0x33480)  # beyond these there is no digit, mark, space or dash except those above

_LINE_BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85"  # and the categories Zl, Zp
# treated as hyphens though not of category Pd: minus signs, similar lines, middle dots
_DASHES = (
    "\u2212\u2043\u02d7\u207b\u208b\u2500\u30fc\uff70\u2796"
    "\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65"
)

_INVISIBLE_RUN = re.compile(r"(?<!\0)\0{2,}")
# with the space around it; the lookbehind matches once per run of space, to stay linear
_LINE_BREAK = re.compile(r"(?<![ \n])[ \n]*\n[ \n]*")


def plain_text(text: str) -> str:
    """Return `text` with ASCII digits, each space as a space, each dash as a hyphen, each line
    break with the space around it as a newline, and no invisible characters. It has the same digits
    as `text`, in the same order.
    """
    if text.isascii() and text.isprintable():
        return text
    plain = text.translate(_table())
    if _INVISIBLE in plain:
        plain = _INVISIBLE_RUN.sub(_INVISIBLE, plain)
        for char in " \n-+":
            plain = plain.replace(_INVISIBLE + char, char).replace(char + _INVISIBLE, char)
        plain = plain.replace(_INVISIBLE, "-")
    return _LINE_BREAK.sub("\n", plain) if "\n" in plain else plain


def digit_places(text: str) -> list[int]:
    """The positions in `text` of the digits of `plain_text(text)`."""
    digits = _digits()
    return [place for place, char in enumerate(text) if char in digits]


@cache
def _table() -> dict[int, str]:
    """Maps each code point that changes to its replacement; built on first use."""
    return {
        code: plain
        for code in chain(_ASSIGNED, _TAGS_AND_SELECTORS)
        if (plain := _plain(chr(code))) != chr(code)
    }


@cache
def _digits() -> frozenset[str]:
    return frozenset("0123456789") | {
        chr(code) for code, char in _table().items() if char.isdigit()
    }


def _plain(char: str) -> str:
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    category = unicodedata.category(char)
    if category == "Zs" or char == "\t":
        return " "
    if category in {"Zl", "Zp"} or char in _LINE_BREAKS:
        return "\n"
    if category == "Pd" or char in _DASHES:
        return "-"
    code = ord(char)
    if category in _MARKS_AND_CONTROLS or code in _BLANK or code in _TAGS_AND_SELECTORS:
        return _INVISIBLE
    return char
