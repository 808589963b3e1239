"""Whether two names may be one customer's: a name is written in several ways; pure."""

import re

_WORD = re.compile(r"\w+")


def may_be_one(ours: str, theirs: str) -> bool:
    """Whether all words of one name stand in the other: "Payer, Ada" is Ada B. Payer, and so is no
    name at all; Bob Payer is not.
    """
    known, said = (set(_WORD.findall(name.casefold())) for name in (ours, theirs))
    return known <= said or said <= known
