"""The squad member that waits while a card is typed on the keypad; pure.

It exists for one reason: its keypad input is off, so that no card digit reaches a model. It is part
of the squad's own body, only if the account takes cards by keypad.
"""

from rules.calling.tool_definitions import PAY, STOP, render_tools
from rules.deployment.rendering import ABOUT_THE_VERIFIED, Clinic, Json, assistant, manners

NAME = "card_entry"
TO_CARD_ENTRY = "handoff_to_card_entry"
BACK = "handoff_back_to_payments"
LONGEST_CALL = 900  # seconds


# the instruction sent into the call when staff start the card entry from outside
ORDER = (
    "The clinic has ordered that the verified caller may now pay by a card that they type on the"
    f" keypad. If you have the tool {TO_CARD_ENTRY}, tell the caller so in one sentence and call it"
    f" now. If you have no such tool, but {PAY} takes a card by keypad, call that. If you have"
    " neither, say nothing of it. Ask for no digit yourself."
)


def render_card_entry(clinic: Clinic) -> Json:
    """The whole body, including its name: other members hand over to it by name."""
    tools = [
        tool
        for tool in render_tools(clinic.public_url, keypad=True)
        if tool["function"]["name"] in {PAY, STOP}
    ]
    body = assistant(
        clinic,
        role="card_entry",
        first_message="",
        prompt=_prompt(clinic),
        tools=tools,
        tool_ids=[],
        longest=LONGEST_CALL,
        recorded=False,
    )
    return body | {
        "name": NAME,
        "firstMessageMode": "assistant-speaks-first-with-model-generated-message",
    }


def _prompt(clinic: Clinic) -> str:
    stopping = f"call the tool {STOP} at once, and say that it is done"
    return f"""You help somebody who is verified to pay {clinic.name} by typing a card on the keypad
of their phone.

{manners(clinic, stopping=stopping, about_patients=ABOUT_THE_VERIFIED)}

# What you do
- Call {PAY} with by keypad, and do exactly what it says: read the question out and wait for a clear
  yes; then ask for one piece after the other, as it tells you.
- While they type, stay silent. They type, they never say digits.
- Say that it was paid only after the tool has said so.
- As soon as it was paid, failed, or they want something else, call the tool {BACK}."""
