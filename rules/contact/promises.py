"""Promises to pay: the terms, and whether a promise was kept."""

from datetime import date
from typing import Literal, NamedTuple

from rules.contact.policy import RULES, Rule

Outcome = Literal["kept", "partly_kept", "broken", "moot"]


class Terms(NamedTuple):
    """Days of grace after the promised day, and how far ahead that day may lie."""

    grace_days: int
    farthest_days: int


def terms_on(day: date) -> Terms:
    """The terms in force on a day: those of the policy's rule `promise`, or of a successor
    `promise.…`.
    """
    found = next(rule for rule in RULES if _is_promise(rule) and rule.in_force(day, day))
    return Terms(found.numbers["grace_days"], found.numbers["farthest_days"])


def _is_promise(rule: Rule) -> bool:
    return rule.id == "promise" or rule.id.startswith("promise.")


def outcome_of(promised: int, paid: int, outstanding: int) -> Outcome:
    """The outcome of a promise of `promised`, given what has been `paid` since (net of refunds) and
    what is `outstanding`; all in minor units.
    """
    if paid >= promised or outstanding == 0:
        return "kept"
    return "partly_kept" if paid > 0 else "broken"
