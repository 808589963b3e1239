"""What a work item may be about, and what a person may decide about it: one table that the API, the
model and the page of the docs go by.

A kind's actions are words for `POST /api/work-items/{id}/resolve`; each says what it does besides
closing the item. `actions/contact/resolve_item.py` performs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DONE = "Nothing else: somebody has seen to it."
REPLY = "Texts `text` to the person, if the contact gate allows it."
HOLD = "Places a hold on the person: nobody contacts them until it is removed."


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work item: what waits, and each action with what it does."""

    what: str
    actions: Mapping[str, str]


KINDS: dict[str, Kind] = {
    "escalation": Kind(
        "a person has to take over",
        {"done": DONE, "reply": REPLY, "hold": HOLD},
    ),
    "reply": Kind(
        "a person has answered a text",
        {
            "done": DONE,
            "reply": REPLY,
            "hold": HOLD,
            "wrong_number": "Suppresses the number for texts and calls: it is somebody else's.",
        },
    ),
    "draft": Kind(
        "a contact waits for approval",
        {
            "approve": "Asks balance and gate again, then contacts the person.",
            "decline": "The contact is not made.",
        },
    ),
    "doubt": Kind(
        "nobody knows whether something happened at a provider",
        {"done": "Nothing else: settle it with `bin/payphone effects settle`, or have it settled."},
    ),
    "overpayment": Kind(
        "there is money that nobody owed",
        {
            "refund": "Asks for a refund of what is too much.",
            "keep": "Nothing else: the clinic keeps it as a credit of the person.",
        },
    ),
    "dispute": Kind(
        "a cardholder disputes a payment",
        {"done": "Nothing else: it is answered in Stripe's dashboard."},
    ),
    "call": Kind(
        "a person is to be called by hand",
        {"called": "Nothing else: somebody has called.", "skip": "Nothing else: nobody calls."},
    ),
}
