"""Callers: the scripts of people, and machines, that decide how a call goes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
# what callers say of themselves, unless the control API sets it for their number
NAME = {"fullName": "Pat Doe", "postalCode": "02101"}
VERIFY = "verifyCaller"
VERIFIED = (VERIFY, NAME)
TEXTED: Json = {"by": "text", "to": "number_on_file"}
CARD = "4242 4242 4242 4242"
KEYPAD = ("processPhonePayment", {"by": "keypad"})


@dataclass(frozen=True)
class Script:
    """How one call goes. `tools` are the assistant's tool calls, in order, with `pause` seconds
    after each, until an answer contains `until`; `replies` are what the person says after a tool's
    answer, by the tool's index; `said` is the structured data at the end.
    """

    ended: str
    answered: bool = True
    transcript: str = ""
    summary: str = ""
    said: Json = field(default_factory=dict)
    tools: tuple[tuple[str, Json], ...] = ()
    recorded: bool = False
    replies: dict[int, str] = field(default_factory=dict)
    until: str = ""
    pause: int = 0


def scripted(script: Script, place: int, who: Json, day: Callable[[int], str]) -> tuple[str, Json]:
    """Return the name and arguments of the tool call at an index of a script. `who` completes the
    arguments of `verifyCaller`; `day` returns the date in some days.
    """
    name, arguments = script.tools[place]
    if name == VERIFY:
        return name, dict(arguments) | who
    later = re.fullmatch(r"in (\d+) days", str(arguments.get("date", "")))
    return name, dict(arguments) | ({"date": day(int(later[1]))} if later else {})


def _talk(*lines: str) -> str:
    speakers = ("AI", "User")
    return "\n".join(f"{speakers[place % 2]}: {line}" for place, line in enumerate(lines))


_OPENING = "This is the clinic's AI assistant. May I have your full name, please?"

SCRIPTS: dict[str, Script] = {
    "busy": Script("customer-busy", answered=False),
    "no_answer": Script("customer-did-not-answer", answered=False),
    "voicemail": Script("voicemail", answered=False),
    "dead_line": Script("twilio-reported-customer-misdialed", answered=False),
    "fails": Script("call.in-progress.error-vapifault-worker-died"),
    "odd_end": Script("a-word-that-is-new"),
    "hangs_up": Script("customer-ended-call", transcript=_talk(_OPENING, "No.")),
    "silent": Script("silence-timed-out", transcript=_talk(_OPENING)),
    "pays_by_link": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "I am texting you a link.", "Thanks."),
        summary="The person will pay by the link.",
        said={"outcome": "link_sent"},
        tools=(VERIFIED, ("getUnpaidInvoice", {}), ("createPaymentLink", TEXTED)),
        recorded=True,
    ),
    "pays_by_keypad": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "Do you agree to be charged?", "Yes, I agree."),
        summary="The person paid by a card that they typed in.",
        said={"outcome": "paid"},
        # the assistant asks for consent, then polls piece by piece until it has the result
        tools=(VERIFIED, *(KEYPAD,) * 30),
        replies={1: "Yes, I agree."},
        until="The payment of",
        pause=1,
    ),
    "promises": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "When can you pay?", "On Friday."),
        summary="They said that they would pay on Friday.",
        said={"outcome": "promised"},
        tools=(VERIFIED, ("getUnpaidInvoice", {}), ("recordPromise", {"date": "in 3 days"})),
    ),
    "asks_what_for": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "Do you agree to be charged?", "What is it for?"),
        summary="The person wanted to know more, and did not pay.",
        tools=(VERIFIED, *(KEYPAD,) * 3),
        replies={1: "What is it for?"},
    ),
    # the promised day passes without a payment
    "promises_and_breaks": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "When can you pay?", "Tomorrow, I promise."),
        summary="The person promised to pay tomorrow.",
        said={"outcome": "promised"},
        tools=(VERIFIED, ("getUnpaidInvoice", {}), ("recordPromise", {"date": "in 1 days"})),
    ),
    "disputes": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "It is about a bill.", "That is wrong."),
        summary="The person says that the amount is wrong.",
        said={"outcome": "dispute"},
        tools=(VERIFIED, ("getUnpaidInvoice", {})),
    ),
    "asks_for_times": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "When could I come in?", "Somebody calls you back.", "Thanks."),
        summary="The person wants an appointment.",
        tools=(("findFreeTimes", {}),) * 4,
    ),
    "wrong_person": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "You have the wrong number."),
        summary="Somebody else has this number.",
        said={"outcome": "wrong_person"},
        tools=(("stopContact", {"what": "everything", "why": "wrong_number"}),),
    ),
    "says_stop": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Stop calling me."),
        summary="The person wants no more calls.",
        said={"outcome": "stop"},
        tools=(("stopContact", {"what": "everything", "why": "asked"}),),
    ),
    # the assistant misses it: it calls no tool, and records no outcome
    "says_stop_unheard": Script(
        "customer-ended-call", transcript=_talk(_OPENING, "Stop calling me.")
    ),
    "asks_for_a_human": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "I want to talk to a person."),
        summary="The person wants to talk to somebody.",
        said={"outcome": "wants_person"},
        tools=(("requestHuman", {"reason": "asked_for_person"}),),
    ),
    "reads_out_a_card": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Pat Doe.", "It is about a bill.", f"My card is {CARD}."),
        summary=f"The person read out {CARD}.",
        said={"outcome": "callback", "note": CARD},
        tools=(VERIFIED, ("processPhonePayment", {"by": "saved_card", "cardNumber": CARD})),
    ),
    "speaks_spanish": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Hola, soy Pat Doe.", "Le envío un enlace.", "Gracias."),
        summary="The person spoke Spanish.",
        said={"outcome": "link_sent", "language": "es"},
        tools=(VERIFIED, ("createPaymentLink", TEXTED)),
    ),
    "is_upset": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "This is outrageous."),
        said={"outcome": "anger"},
    ),
    "confused": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "I do not understand."),
        said={"outcome": "confusion"},
    ),
    "bankrupt": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "I have filed for bankruptcy."),
        said={"outcome": "bankruptcy"},
    ),
    "has_a_lawyer": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "Talk to my lawyer."),
        said={"outcome": "attorney"},
    ),
    "in_hardship": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "I have lost my job."),
        said={"outcome": "hardship"},
    ),
    "deceased": Script(
        "assistant-ended-call",
        transcript=_talk(_OPENING, "She has died."),
        said={"outcome": "deceased"},
    ),
}
