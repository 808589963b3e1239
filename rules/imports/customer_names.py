"""Whether two names may be one customer's: a name is written in several ways; pure."""

import re
import unicodedata

_WORD = re.compile(r"\w+")


def may_be_one(ours: str, theirs: str) -> bool:
    """Whether all words of one name stand in the other: "Payer, Ada" is Ada B. Payer, and so is no
    name at all; Bob Payer is not. Accents, apostrophes and spaces make no other name.
    """
    known, said = _words(ours), _words(theirs)
    return set(known) <= set(said) or set(said) <= set(known) or "".join(known) == "".join(said)


def _words(name: str) -> list[str]:
    """The words of a name, without apostrophes and accents, whose marks NFKD sets apart."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    left_out = [each for each in letters if unicodedata.combining(each) or each in "'’"]
    return _WORD.findall(letters.translate(dict.fromkeys(map(ord, left_out))))
