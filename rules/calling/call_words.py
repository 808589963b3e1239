"""Calls in words for people: the timeline's, and a note on the invoice. Neither says what anybody
said about their health, or any amount.
"""

from rules.contact.policy import OUTCOMES, outcome_of


def outcome_in_words(outcome: str) -> str:
    """What came of a call, as a sentence's part."""
    return outcome_of(outcome).what if outcome in OUTCOMES else "nobody knows how it ended"


def note_of(call_id: str, outcome: str, said: str) -> str:
    """The line that is noted on the invoice."""
    more = f" {said[0].upper()}{said[1:]}." if said else ""
    return f"Call {call_id}: {outcome_in_words(outcome)}.{more}"
