"""The receptionist: the assistant that answers a clinic's calls; pure.

Its opening names the business and says that it is an AI. It is fit for a mailbox too, because it
says nothing private. Bills are left to the payments member.
"""

from dataclasses import replace

from rules.deployment.calendar_tool import appointment_instructions, render_calendar_tool
from rules.deployment.query_tool import FUNCTION, render_query_tool
from rules.deployment.rendering import (
    Clinic,
    Json,
    assistant,
    manners,
    person_sentence,
    person_tool,
)

TO_PAYMENTS = "handoff_to_payments"
TRIAL = "trial"
LONGEST_CALL = 900  # seconds
# members that have no meaning in a text chat
_CALL_ONLY = frozenset({"server", "serverMessages", "hooks", "artifactPlan", "monitorPlan"})

_OPENING = {
    "en": "Thank you for calling {name}. I am the clinic's AI assistant, and this call may be"
    " recorded. How can I help you?",
    "es": "Gracias por llamar a {name}. Soy el asistente de inteligencia artificial de la clínica,"
    " y esta llamada puede ser grabada. ¿En qué puedo ayudarle?",
}


def render_receptionist(clinic: Clinic, query_tool_id: str = "") -> Json:
    """The whole body; `query_tool_id` is the tool that searches the clinic's files, if it
    has any.
    """
    return assistant(
        clinic,
        role="receptionist",
        first_message=opening(clinic),
        prompt=_prompt(clinic, bool(query_tool_id), in_writing=False),
        tools=[*render_calendar_tool(clinic), *person_tool(clinic)],
        tool_ids=[query_tool_id] if query_tool_id else [],
        longest=LONGEST_CALL,
        recorded=True,
    )


def render_trial(clinic: Clinic) -> Json:
    """The assistant that a clinic tries in a text chat: sent along with each question, and not
    stored.

    It has its own tool to search the files, cannot transfer, and reports nothing to our server.
    """
    body = render_receptionist(clinic)
    # our tools are not available, and there is no call to transfer
    clinic = replace(clinic, has_calendar=False, transfer_number="")
    prompt = _prompt(clinic, bool(clinic.files), in_writing=True)
    model = body["model"] | {
        "messages": [{"role": "system", "content": prompt}],
        "tools": [render_query_tool(clinic, TRIAL)] if clinic.files else [],
    }
    kept = {name: value for name, value in body.items() if name not in _CALL_ONLY}
    return kept | {"name": TRIAL, "model": model}


def opening(clinic: Clinic) -> str:
    """The first sentence of a call."""
    return _OPENING[clinic.language].format(name=clinic.name)


def _prompt(clinic: Clinic, has_files: bool, in_writing: bool) -> str:
    return f"""You are the receptionist of {clinic.name}. You answer its phone: you help with
questions about the clinic, and take messages.

{manners(clinic)}

{_about_the_clinic(clinic, has_files)}

{_about_bills(clinic, in_writing)}"""


def _about_the_clinic(clinic: Clinic, has_files: bool) -> str:
    known = (
        f"For every question about the clinic (hours, address, services, prices, insurance) call"
        f" the tool {FUNCTION} first, and answer only from what it returns. If it returns nothing,"
        " you do not know."
        if has_files
        else "You have been told nothing about the clinic but its name and number. Of its hours,"
        " address, services and prices you say that you do not know."
    )
    return f"""# Questions about the clinic
{known}
You make, change and confirm no appointments. For that, and for whoever wants a person,
{person_sentence(clinic)}.{appointment_instructions(clinic)}"""


def _about_bills(clinic: Clinic, in_writing: bool) -> str:
    if in_writing:
        return """# Bills and payments
This is a trial in writing, before the clinic's phone is connected. If it is about a bill, a payment
or a debt, say that on the phone a colleague takes over for that, who first asks who is calling."""
    return f"""# Bills and payments
Say nothing about any bill, payment or debt yourself, not even whether there is one, and ask nothing
about it. As soon as a call is about one, call the tool {TO_PAYMENTS}. If that does not work,
{person_sentence(clinic)}."""
