"""The squad: the receptionist takes the call and hands it over to the payments member; pure.

Each member is pinned to the version that was published for it, so that what somebody edits in
Vapi's dashboard is not what callers hear. The hand-overs belong to the squad: they name members by
their names, which are their tags.
"""

from dataclasses import dataclass

from rules.deployment.payments_member import TO_RECEPTION
from rules.deployment.receptionist import TO_PAYMENTS
from rules.deployment.rendering import Json


@dataclass(frozen=True, slots=True)
class Member:
    """An assistant at Vapi. `version` is empty where Vapi keeps none for this organization."""

    assistant_id: str
    name: str
    version: str = ""


def render_squad(receptionist: Member, payments: Member) -> Json:
    """The whole body but for its name. Its first member takes the call."""
    to_payments = _handoff(
        TO_PAYMENTS,
        payments,
        "The caller wants to talk about a bill, a payment or a debt.",
        # what was said before; tools and their results stay behind
        {"type": "userAndAssistantMessages"},
    )
    # of what was said about a bill nothing goes back
    to_reception = _handoff(
        TO_RECEPTION,
        receptionist,
        "The caller wants something else than to talk about a bill.",
        {"type": "none"},
    )
    return {"members": [_member(receptionist, to_payments), _member(payments, to_reception)]}


def _member(member: Member, handoff: Json) -> Json:
    pinned = {"assistantVersion": member.version} if member.version else {}
    return {
        "assistantId": member.assistant_id,
        **pinned,
        "assistantOverrides": {"tools:append": [handoff]},
    }


def _handoff(function: str, to: Member, when: str, passed_on: Json) -> Json:
    destination = {
        "type": "assistant",
        "assistantName": to.name,
        "description": when,
        "contextEngineeringPlan": passed_on,
    }
    return {
        "type": "handoff",
        "function": {"name": function, "description": when},
        "destinations": [destination],
    }
