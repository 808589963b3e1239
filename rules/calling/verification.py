"""Verification of a caller's identity: what is asked, and what counts as a match; pure.

We ask for the full name and the postal code, or the number of a bill if we have no address on file.
A caller from a number that is not on file must also give the number of a bill. A name matches if
the first name and one family name agree; accents, case, titles and middle names do not matter. The
caller never learns which answer was wrong.
"""

import hashlib
import unicodedata
from dataclasses import dataclass

TRIES = 2  # per call
TRIES_A_DAY = 6  # per person, over all calls
_TITLES = ("mr", "mrs", "ms", "miss", "dr", "sr", "sra", "srta", "senor", "senora", "don", "dona")
_NO_NAMES = frozenset(
    [*_TITLES, "jr", "ii", "iii", "iv", "the", "and", "y", "de", "la", "del"],
)
_FEWEST = 2  # names
_US_DIGITS = 5
_SHORTENED = (3, 4)  # digits of a code that has lost its zeros


@dataclass(frozen=True, slots=True)
class Answers:
    """The caller's answers."""

    name: str = ""
    postal_code: str = ""
    invoice_number: str = ""

    @property
    def digest(self) -> str:
        """A hash that recognises repeated answers without storing any of them."""
        said = (*names_in(self.name), plain(self.postal_code), plain(self.invoice_number))
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Kept:
    """What we have on file about the person who may be calling."""

    name: str
    postal_code: str
    invoice_numbers: tuple[str, ...]
    calls_from_own_number: bool


def missing(answers: Answers) -> str:
    """Name the answer that is still needed before anything can be compared; empty if none is."""
    if len(names_in(answers.name)) < _FEWEST:
        return "first and last name"
    if not plain(answers.postal_code) and not plain(answers.invoice_number):
        return "postal code, or the number on the bill"
    return ""


def is_verified(answers: Answers, kept: Kept) -> bool:
    """Whether the answers match the person on file."""
    if not same_person(answers.name, kept.name):
        return False
    code_agrees = same_postal_code(answers.postal_code, kept.postal_code)
    numbers = {plain(number) for number in kept.invoice_numbers} - {""}
    number_agrees = plain(answers.invoice_number) in numbers
    if not kept.postal_code:
        return number_agrees
    return code_agrees and (kept.calls_from_own_number or number_agrees)


def same_person(said: str, kept: str) -> bool:
    """Whether two names match: the first name and at least one family name."""
    mine, theirs = names_in(said), names_in(kept)
    if len(mine) < _FEWEST or len(theirs) < _FEWEST:
        return False
    return mine[0] == theirs[0] and bool(set(mine[1:]) & set(theirs[1:]))


def same_postal_code(said: str, kept: str) -> bool:
    """Whether two postal codes match; of American ones only the first five digits count, and zeros
    in front may be missing, as spreadsheets drop them.
    """
    mine, theirs = _with_zeros(plain(said)), _with_zeros(plain(kept))
    if theirs[:_US_DIGITS].isdigit() and len(theirs) in {5, 9}:
        return mine[:_US_DIGITS] == theirs[:_US_DIGITS] and len(mine) in {5, 9}
    return bool(mine) and mine == theirs


def _with_zeros(code: str) -> str:
    return code.zfill(_US_DIGITS) if code.isdigit() and len(code) in _SHORTENED else code


def names_in(text: str) -> tuple[str, ...]:
    """The parts of a name, first name first, without titles, initials and accents."""
    family, comma, first = text.partition(",")
    turned = f"{first} {family}" if comma and first.strip() else text
    bare = unicodedata.normalize("NFKD", turned.casefold())
    letters = "".join(
        " " if not (char.isalpha() or unicodedata.combining(char)) and char not in "'’" else char
        for char in bare
    )
    kept = "".join(char for char in letters if not unicodedata.combining(char) and char not in "'’")
    return tuple(name for name in kept.split() if len(name) > 1 and name not in _NO_NAMES)


def plain(text: str) -> str:
    """Letters and digits only, in lower case."""
    return "".join(
        char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum()
    )
