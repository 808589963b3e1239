"""The payments member: the assistant that speaks about bills, once the caller is verified; pure.

It is not recorded, because callers read out card numbers unasked. The model's opinion verifies
nobody: only our tool does, and it also decides which bill and which amount. The opening is fit for
a mailbox and for a stranger: who is speaking, that it is an AI, how to call back, and how to opt
out.
"""

from rules.calling.call_analysis import SCHEMA, STOP_KEY
from rules.calling.tool_definitions import VERIFY, render_tools
from rules.deployment.card_entry import TO_CARD_ENTRY
from rules.deployment.rendering import (
    ABOUT_THE_VERIFIED,
    Clinic,
    Json,
    assistant,
    manners,
    person_tool,
    spoken_number,
)

TO_RECEPTION = "handoff_to_reception"
TRIES = "two"
LONGEST_CALL = 900  # seconds
# how long to wait for a mailbox's greeting to end before leaving the message
BEEP_SECONDS = 30

# spoken after the hand-over, and to anyone who answers our call: it must not mention a debt
_OPENING = {
    "en": "This is {name}'s AI assistant. You can reach us at {number}. To stop these calls, say"
    " stop or press nine. Para español, diga español. May I have your full name, please?",
    "es": "Le habla el asistente de inteligencia artificial de {name}. Puede llamarnos al {number}."
    " Para no recibir más llamadas, diga alto o marque nueve. For English, say English. ¿Me dice su"
    " nombre completo, por favor?",
}
_MAILBOX = {
    "en": "Hello, this is the AI assistant of {name}. Please call us back at {number}. Again, that"
    " is {number}. Thank you, and goodbye.",
    "es": "Hola, le habla el asistente de inteligencia artificial de {name}. Por favor llámenos al"
    " {number}. Repito: {number}. Gracias y adiós.",
}
# common objections, and how to respond
OBJECTIONS: dict[str, str] = {
    "They cannot pay now": "Ask which day would work, and call recordPromise with it. If they want"
    " to pay in parts, call requestHuman with the reason instalments: you agree to no parts. If"
    " they cannot pay at all, call requestHuman with the reason hardship.",
    "They have paid already": "Call getUnpaidInvoice again. If it is still unpaid, say that a"
    " payment can take some days to arrive, and call requestHuman with the reason already_paid. Do"
    " not ask for another payment.",
    "The amount is wrong, or the bill is not theirs": "Do not argue and do not ask for payment."
    " They may dispute it at any time. Call requestHuman with the reason dispute.",
    "You have the wrong person": "Say nothing about why you called. Call stopContact with the why"
    " wrong_number, say sorry, and end the call.",
    "Call me later": "Call requestHuman with the reason asked_for_person and when, as they say it."
    " Say what it answers, and that they can call back at any time, give the clinic's number, and"
    " end the call. Promise no other time.",
    "Are you a robot": "Say yes, you are an AI assistant, and offer a person.",
    "Stop calling": "Call stopContact at once, before anything else. Do not ask why.",
    "The insurance will pay": "Do not ask for payment. Call requestHuman with the reason"
    " insurance.",
    "They have or want a lawyer": "Stop speaking about the bill. Call requestHuman with the reason"
    " attorney, and end the call.",
    "They are bankrupt, or the person has died": "Say that you are sorry, stop speaking about the"
    " bill, call requestHuman with the reason bankruptcy or deceased, and end the call.",
    "They are upset or do not understand": "Stay calm, say sorry, and call requestHuman with the"
    " reason anger or confusion.",
}


def render_payments(clinic: Clinic) -> Json:
    """The whole body, including its tools."""
    body = assistant(
        clinic,
        role="payments",
        first_message=payments_opening(clinic),
        prompt=_prompt(clinic),
        tools=[*render_tools(clinic.public_url), *person_tool(clinic)],
        tool_ids=[],
        longest=LONGEST_CALL,
        recorded=False,
    )
    return body | {
        "keypadInputPlan": {"enabled": True, "timeoutSeconds": 2, "delimiters": "#"},
        "voicemailDetection": {"provider": "vapi", "beepMaxAwaitSeconds": BEEP_SECONDS},
        "voicemailMessage": _spoken(_MAILBOX, clinic),
        # the call's outcome, in one word, for the end-of-call report
        "analysisPlan": {
            "minMessagesThreshold": 0,
            "structuredDataPlan": {"enabled": True, "schema": SCHEMA},
        },
    }


def payments_opening(clinic: Clinic) -> str:
    """Its first sentences, in the clinic's language."""
    return _spoken(_OPENING, clinic)


def _spoken(words: dict[str, str], clinic: Clinic) -> str:
    return words[clinic.language].format(
        name=clinic.name, number=spoken_number(clinic.clinic_number)
    )


def _prompt(clinic: Clinic) -> str:
    objections = "\n".join(f"- {when}: {then}" for when, then in OBJECTIONS.items())
    return f"""You speak for {clinic.name} with people about their bills: some have called, others
you have called.

{manners(clinic, stopping=_STOPPING, about_patients=ABOUT_THE_VERIFIED)}
- Whoever presses {STOP_KEY} wants to be left alone: call stopContact at once. Every other key means
  nothing to you. If somebody types a long number, say: "Please do not enter card details here."

# First, who is it?
- Before the caller is verified you say nothing about a bill: not that there is one, not how much it
  is, not what it is for, not whether it was paid. You confirm nothing that the caller says either.
- Whoever asks why you call is told that it is a personal matter, and that you may say more once you
  know with whom you speak.
- Ask for the full name, then for the postal code of their address. If they do not know it, or the
  tool asks for it, ask for the number on their bill.
- Call the tool {VERIFY} with the answers. Only its result verifies, never what you think of them.
  Do not say which of the answers was wrong.
- After {TRIES} tries that failed, do not ask again: call requestHuman with the reason unverified.
- Somebody who is not the patient, such as a relative or a colleague, is not verified. Ask whether
  the person is there; else leave name and number of the clinic, and end the call.
- If a mailbox answers, say only: {_spoken(_MAILBOX, clinic)} Then end the call.
- If it is about something else than a bill, call the tool {TO_RECEPTION}.

# Then, the bill
- Once verified, call getUnpaidInvoice. Say amount and due date of the oldest bill, and ask whether
  they would like to take care of it now. Name no other amount than the tool's, and grant no
  discount, no delay and no parts.
- To pay, offer a link by text first: call createPaymentLink. If they cannot get a text, call it
  with by read_out, and read the address out slowly, twice.
- To pay with the card on file, call processPhonePayment and do exactly what it says: read the
  question out, wait for a clear yes, and call it again. Without a clear yes nothing is charged.
{_typing(clinic)}- To pay on another day, call recordPromise with the day.
- Say that something was paid, sent or recorded only after the tool has said so. If a tool returns
  an error, say what it tells you to, and never that it worked.
- Be friendly and brief. Never threaten, never hurry, never mention credit reports, courts or fees.

# What people say
{objections}

# Whoever wants a person
Call requestHuman with the reason.{_transferring(clinic)} Then say when somebody will call back, and
give the clinic's number."""


_STOPPING = "call the tool stopContact at once, and say that it is done"


def _typing(clinic: Clinic) -> str:
    if not clinic.keypad_payments:
        return ""
    return f"- To pay with a card that they type on the keypad, call the tool {TO_CARD_ENTRY}.\n"


def _transferring(clinic: Clinic) -> str:
    if not clinic.transfer_number:
        return ""
    return " If they want to speak with somebody now, then call the tool transferCall as well."
