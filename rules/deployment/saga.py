"""The steps of a deployment, in order, for each way a clinic's calls arrive; pure.

What is undone is undone in reverse. A number is therefore bought after its emergency address exists
(Twilio keeps an address that a number uses), and imported into Vapi last. A trunk goes before the
logins it lets in, for Twilio keeps a list that a trunk uses.
"""

from dataclasses import dataclass

PAID = ("preflight", "fee", "charge")
ASSISTANTS = ("query_tool", "receptionist", "payments", "squad")
STEPS: dict[str, tuple[str, ...]] = {
    "forwarded": (
        *PAID,
        "emergency_address",
        "number",
        *ASSISTANTS,
        "routing",
        "activation",
        "live",
    ),
    "ported": (
        *PAID,
        "emergency_address",
        "port_document",
        "port_request",
        "porting",
        "ported_number",
        *ASSISTANTS,
        "routing",
        "activation",
        "live",
    ),
    "sip": (
        *PAID,
        "sip_line",
        "sip_login_list",
        "sip_login",
        "sip_trunk",
        "sip_access",
        *ASSISTANTS,
        "sip_known",
        "sip_routing",
        "sip_origination",
        "activation",
        "sip_test_call",
        "sip_test_answered",
        "live",
    ),
}

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
