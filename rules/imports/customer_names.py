"""Whether two names may belong to one customer, given the ways to write a name; pure."""

import re
import unicodedata

_GENERATIONS = {"jr", "junior", "sr", "senior", "ii", "iii", "iv"}
_WORD = re.compile(r"\w+")


def may_be_one(ours: str, theirs: str) -> bool:
    """Whether one name contains all words of the other: "Payer, Ada" matches Ada B. Payer, and so
    does an empty name; Bob Payer does not. Accents, apostrophes and spaces are ignored.
    """
    known, said = _words(ours), _words(theirs)
    return set(known) <= set(said) or set(said) <= set(known) or "".join(known) == "".join(said)


def is_spelling_of(ours: str, theirs: str) -> bool:
    """Whether the names are spellings of one: all words, or at least two of them, are the same. One
    word in common may be a household's, or chance, and a Jr. is another person.
    """
    known, said = _words(ours), _words(theirs)
    if (set(known) ^ set(said)) & _GENERATIONS:
        return False
    is_whole = sorted(known) == sorted(said) or "".join(known) == "".join(said)
    return is_whole or (may_be_one(ours, theirs) and len(set(known) & set(said)) > 1)


def _words(name: str) -> list[str]:
    """The words of a name, without apostrophes and without accents, which NFKD separates."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    left_out = [each for each in letters if unicodedata.combining(each) or each in "'’"]
    return _WORD.findall(letters.translate(dict.fromkeys(map(ord, left_out))))
