"""How calls ended, including later events: a link given in a call may be paid afterwards."""

from collections.abc import Iterable

from models.calling.call import Call
from models.calling.tool_call import ToolCall
from rules.contact.policy import outcome_of

PAID, PAID_BY_LINK = "paid", "paid_by_link"


def outcomes_of(calls: Iterable[Call]) -> dict[str, str]:
    """The outcome of each call by its id."""
    known = {call.id: call.outcome for call in calls}
    asked = [each for each, outcome in known.items() if _may_be_paid(outcome)]
    return known | dict.fromkeys(ToolCall.paid_by_link(asked), PAID_BY_LINK)


def _may_be_paid(outcome: str) -> bool:
    return outcome not in {"", PAID, PAID_BY_LINK} and outcome_of(outcome).conversation
