"""The payments member: the assistant that speaks about bills, once it knows with whom; pure.

It is not recorded, because callers read out card numbers unasked. Nobody is verified by what the
model thinks of an answer: only a tool of ours verifies, and until one is given here, nobody is.
"""

from rules.deployment.rendering import (
    Clinic,
    Json,
    assistant,
    manners,
    person_sentence,
    person_tool,
)

TO_RECEPTION = "handoff_to_reception"
TRIES = "two"
LONGEST_CALL = 900  # seconds

# heard after the hand-over, and by whoever answers a call of ours: it names no debt
_OPENING = {
    "en": "This is {name}'s AI assistant. Before we go on, may I have your full name, please?",
    "es": "Le habla el asistente de inteligencia artificial de {name}. Antes de continuar, ¿me dice"
    " su nombre completo, por favor?",
}


def render_payments(clinic: Clinic, verify_tool: str = "", tool_ids: tuple[str, ...] = ()) -> Json:
    """The whole body. `verify_tool` is the function of ours that says who somebody is, and
    `tool_ids` are our tools at Vapi; both come with calling.
    """
    return assistant(
        clinic,
        role="payments",
        first_message=_OPENING[clinic.language].format(name=clinic.name),
        prompt=_prompt(clinic, verify_tool),
        tools=person_tool(clinic),
        tool_ids=list(tool_ids),
        longest=LONGEST_CALL,
        recorded=False,
    )


def _prompt(clinic: Clinic, verify_tool: str) -> str:
    return f"""You speak for {clinic.name} with people who call about a bill.

{manners(clinic)}

# First, who is it?
- Before the caller is verified you say nothing about a bill: not that there is one, not how much it
  is, not what it is for, not whether it was paid. You confirm nothing that the caller says either.
- Ask for the full name, then for the date of birth or the postal code of their address.
{_verifying(clinic, verify_tool)}
- Somebody who is not the patient, such as a relative or a colleague, is not verified.
- If it is about something else than a bill, call the tool {TO_RECEPTION}."""


def _verifying(clinic: Clinic, verify_tool: str) -> str:
    if not verify_tool:
        return f"""- You have no way to check the answers, so nobody is verified in this call: once
  you have both, do not ask again; {person_sentence(clinic)}."""
    return f"""- Call the tool {verify_tool} with the answers. Only its result verifies, never what
  you think of them. Do not say which of the answers was wrong.
- After {TRIES} tries that failed, do not ask again: {person_sentence(clinic)}."""
