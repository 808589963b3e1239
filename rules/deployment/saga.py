"""The steps of a deployment, in order, for each way a clinic's calls arrive; pure.

What is undone is undone in reverse. A number is therefore bought after its emergency address exists
(Twilio keeps an address that a number uses), and imported into Vapi last.
"""

from dataclasses import dataclass

FORWARDED = (
    "preflight",
    "fee",
    "charge",
    "emergency_address",
    "number",
    "query_tool",
    "receptionist",
    "payments",
    "squad",
    "routing",
    "activation",
    "live",
)
STEPS: dict[str, tuple[str, ...]] = {"forwarded": FORWARDED}

OVER = frozenset({"done", "skipped"})
# what has to be undone: also what was begun and may exist
TO_UNDO = frozenset({"running", "done", "failed", "undoing"})


@dataclass(frozen=True, slots=True)
class State:
    """One step: its name and its state."""

    name: str
    state: str


def next_to_do(steps: list[State]) -> str | None:
    """The name of the step to do next; None when all are done."""
    return next((step.name for step in steps if step.state not in OVER), None)


def next_to_undo(steps: list[State]) -> str | None:
    """The name of the step to undo next, last first; None when all are undone."""
    return next((step.name for step in reversed(steps) if step.state in TO_UNDO), None)
