"""The squad: the receptionist takes the call and hands it over to the payments member; pure.

Each member is pinned to the version published for it, so that an edit in Vapi's dashboard does not
reach callers. Hand-overs belong to the squad: they refer to members by name, which is their tag.
"""

from dataclasses import dataclass

from rules.deployment.card_entry import BACK, TO_CARD_ENTRY
from rules.deployment.payments_member import TO_RECEPTION
from rules.deployment.receptionist import TO_PAYMENTS
from rules.deployment.rendering import Json


@dataclass(frozen=True, slots=True)
class Member:
    """An assistant at Vapi. `version` is empty if Vapi keeps no versions for this organization."""

    assistant_id: str
    name: str
    version: str = ""


def render_squad(receptionist: Member, payments: Member, card_entry: Json | None = None) -> Json:
    """The whole body except for its name. The first member takes the call. `card_entry`, if given,
    is a whole body: the payments member hands over to it, and it hands the call back.
    """
    to_payments = _handoff(
        TO_PAYMENTS,
        payments,
        "The caller wants to talk about a bill, a payment or a debt.",
        # pass on the conversation, but not tool calls and their results
        {"type": "userAndAssistantMessages"},
    )
    # nothing that was said about a bill is passed back
    to_reception = _handoff(
        TO_RECEPTION,
        receptionist,
        "The caller wants something else than to talk about a bill.",
        {"type": "none"},
    )
    first = _member(receptionist, to_payments)
    if card_entry is None:
        return {"members": [first, _member(payments, to_reception)]}
    to_card_entry = _handoff(
        TO_CARD_ENTRY,
        Member("", card_entry["name"]),
        "The verified caller wants to type a card on the keypad.",
        {"type": "userAndAssistantMessages"},
    )
    back = _handoff(
        BACK, payments, "The card was charged or not.", {"type": "userAndAssistantMessages"}
    )
    entry = {"assistant": card_entry, "assistantOverrides": {"tools:append": [back]}}
    return {"members": [first, _member(payments, to_reception, to_card_entry), entry]}


def _member(member: Member, *handoffs: Json) -> Json:
    pinned = {"assistantVersion": member.version} if member.version else {}
    return {
        "assistantId": member.assistant_id,
        **pinned,
        "assistantOverrides": {"tools:append": list(handoffs)},
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
