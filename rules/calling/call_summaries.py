"""Calls described for people: in the timeline, and in a note on the invoice. Neither mentions
health or an amount.
"""

from rules.contact.policy import OUTCOMES, outcome_of


def outcome_in_words(outcome: str) -> str:
    """A call's outcome as a clause."""
    return outcome_of(outcome).what if outcome in OUTCOMES else "it is not known how it ended"


def note_of(call_id: str, outcome: str, said: str) -> str:
    """The note about a call for the invoice."""
    more = f" {said[0].upper()}{said[1:]}." if said else ""
    return f"Call {call_id}: {outcome_in_words(outcome)}.{more}"
