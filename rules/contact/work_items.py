"""What a work item can be about, and how staff can resolve it: one table for the API, the model and
the docs.

A kind's actions are the values for `POST /api/work-items/{id}/resolve`; each says what it does
besides closing the item. `actions/people/resolve_item.py` performs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DONE = "Nothing else: it has been dealt with."
REPLY = "Texts `text` to the person, if the contact gate allows it."
CALLED = "Counts as a call by hand in which the person was spoken to, about everything they owe."
NOT_REACHED = "Counts as a call by hand that rang unanswered, or reached a mailbox: an attempt."
HOLD = "Places a hold on the person: nobody contacts them until it is removed."


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work item: what is pending, and each action with its effect. `of_call` are
    additional actions of an item about a call.
    """

    what: str
    actions: Mapping[str, str]
    of_call: Mapping[str, str] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    "escalation": Kind(
        "a person has to take over",
        {
            "done": DONE,
            "reply": REPLY,
            "called": CALLED,
            "not_reached": NOT_REACHED,
            "hold": HOLD,
        },
    ),
    "reply": Kind(
        "a person has answered a text",
        {
            "done": DONE,
            "reply": REPLY,
            "called": CALLED,
            "not_reached": NOT_REACHED,
            "hold": HOLD,
            "wrong_number": "Suppresses the number for texts and calls: it is another person's.",
        },
    ),
    "draft": Kind(
        "a contact waits for approval",
        {
            "approve": "Checks balance and gate again, then contacts the person.",
            "decline": "The contact is not made.",
        },
    ),
    "doubt": Kind(
        "it is not known whether something happened at a provider",
        {"done": "Nothing else: settle it with `bin/payphone effects settle`, or have it settled."},
        {
            "ended": "Ends the call, which counts as one in which they were spoken to; they may be"
            " called again as the rules say. Look in Vapi's call list first.",
            "never_placed": "The call was never made: it counts as none, and they may be called."
            " The note says how you know.",
        },
    ),
    "overpayment": Kind(
        "money was received that was not owed",
        {
            "refund": "Requests a refund of the excess.",
            "keep": "Nothing else: the clinic keeps it as the person's credit.",
        },
    ),
    "dispute": Kind(
        "a cardholder disputes a payment",
        {"done": "Nothing else: answer it in Stripe's dashboard."},
    ),
    "call": Kind(
        "a person must be called by hand",
        {
            "called": CALLED,
            "not_reached": NOT_REACHED,
            "skip": "Nothing else: no call is made.",
        },
    ),
}

# The outcome (of the policy's `OUTCOMES`) of a call by hand, by the action that reports it.
BY_HAND: dict[str, str] = {"called": "spoke", "not_reached": "no_answer"}

# Why staff must take over; other reasons are shown as given.
REASONS: dict[str, str] = {
    "asked_for_person": "The person asks to speak with someone at the clinic.",
    "dispute": "The person says that the bill is wrong or not theirs.",
    "already_paid": "The person says that it is paid. Look for the payment.",
    "hardship": "The person says that they cannot pay.",
    "instalments": "The person wants to pay in parts.",
    "attorney": "The person has an attorney.",
    "bankruptcy": "The person says that there is a bankruptcy.",
    "deceased": "Someone says that the person has died.",
    "anger": "The person is upset.",
    "confusion": "The person did not understand what the contact was about.",
    "unverified": "It could not be verified that it is the right person.",
    "unknown_outcome": "It is not known how the call ended.",
    "card_unheard": "The person typed in a card during a call, and the keypad service never said"
    " what became of it. Nothing was charged: tell them, and offer them another way to pay.",
    "unanswered": "All planned contacts were made, and nothing was paid.",
    "promises_broken": "The person has promised to pay more than once, and has not.",
    "insurance": "The person says that their insurance pays.",
    "dispute_lost": "The person's bank has decided a dispute for them, so the invoice is owed"
    " again. Agree with them on what is, or write it off; then lift the hold.",
    "another_currency": "The person has paid in a currency other than the invoice's, which"
    " therefore still counts as owed. Refund it, or record what it was worth and write the rest"
    " off; then lift the hold.",
    "number_reassigned": "The person's number now belongs to someone else. Ask them for"
    " their new one in another way, and record a new consent.",
    "other": "Someone at the clinic is asked to look at this.",
}

# Reasons, from any channel, for which all contact stops until staff have looked, and the kind of
# hold that stops it.
HOLDS: dict[str, str] = {
    "attorney": "attorney",
    "bankruptcy": "bankruptcy",
    "deceased": "deceased",
    "hardship": "hardship",
    "dispute": "dispute",
}


def actions_of(kind: str, subject: str, context: Mapping[str, Any]) -> Mapping[str, str]:
    """The actions that can resolve an item. A doubt about a call has extra ones if it is about one
    of our calls, or the request for one; if it is about two Vapi calls under one name there is no
    call to end.
    """
    known = KINDS[kind]
    is_of_call = context.get("callId") == subject or context.get("kind") == "call"
    return {**known.actions, **known.of_call} if is_of_call else known.actions


def reason_in_words(reason: str) -> str:
    """The reason of an escalation, in words."""
    return REASONS.get(reason, reason)
