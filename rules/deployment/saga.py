"""The ordered steps of a deployment, for each way a clinic's calls arrive; pure.

Steps are undone in reverse. A number is therefore bought after its emergency address exists (Twilio
keeps an address that a number uses), and imported into Vapi last. A trunk is deleted before its
credential list, because Twilio keeps a list that a trunk uses.
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
# states to undo, including a step that was begun and may have had an effect
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
