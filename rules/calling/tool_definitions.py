"""The payments member's tools as sent to Vapi, inside the assistant's own body: each published
version of the assistant has its own tools, and changing a tool changes the assistant; pure.

Vapi merges the static parameters over the model's arguments, so the model cannot choose which call
a tool acts on.
"""

from typing import Any

from rules.calling.tool_payloads import CALL_ID

Json = dict[str, Any]
TOOLS_PATH = "/api/vapi/tools"
SECONDS = 20  # Vapi's timeout; afterwards the model may call again, under a new id
STATIC = [{"key": CALL_ID, "value": "{{call.id}}"}]

_TEXT: Json = {"type": "string"}
REASONS = {
    "asked_for_person": "wants a person",
    "dispute": "says the bill is wrong or not theirs",
    "already_paid": "says it was paid",
    "hardship": "cannot pay at all",
    "instalments": "wants to pay in parts",
    "insurance": "says that an insurance pays",
    "attorney": "has a lawyer, or wants one",
    "bankruptcy": "is bankrupt",
    "deceased": "says that the person has died",
    "anger": "is upset",
    "confusion": "does not understand",
    "unverified": "could not be verified",
}


def _function(name: str, description: str, required: tuple[str, ...] = (), **given: Json) -> Json:
    shape = {"type": "object", "properties": given, "required": list(required)}
    return {"name": name, "description": description, "parameters": shape}


def _one_of(*words: str, description: str = "") -> Json:
    return _TEXT | {"enum": list(words)} | ({"description": description} if description else {})


VERIFY, PAY, STOP = "verifyCaller", "processPhonePayment", "stopContact"
SAVED_CARD, KEYPAD = "saved_card", "keypad"
FUNCTIONS: tuple[Json, ...] = (
    _function(
        VERIFY,
        "Says whether the caller is the person that they say they are. Call it before any word"
        " about a bill, with what the caller answered.",
        ("fullName",),
        fullName=_TEXT | {"description": "First and last name, as the caller says them."},
        postalCode=_TEXT | {"description": "The postal code of their address, in digits."},
        invoiceNumber=_TEXT | {"description": "The number on the bill, if they know it."},
    ),
    _function("getUnpaidInvoice", "The verified person's unpaid bills, oldest first."),
    _function(
        "createPaymentLink",
        "Texts the payment page of the oldest bill, or gives its address to be read out.",
        by=_one_of("text", "read_out"),
        to=_one_of(
            "number_on_file",
            "this_phone",
            description="Where the text goes: the number on file, or the phone they speak on.",
        ),
    ),
    _function(
        PAY,
        "Charges the oldest bill to the card on file, after the person has said yes to the amount."
        " It never takes a card number.",
        by=_one_of(SAVED_CARD),
    ),
    _function(
        "recordPromise",
        "Records the day on which the person says they will pay the whole of the oldest bill.",
        ("date",),
        date=_TEXT | {"description": "The day as YYYY-MM-DD."},
    ),
    _function(
        STOP,
        "Records at once that the person wants no more calls or texts, or that the number is"
        " somebody else's.",
        what=_one_of("everything", "calls", "texts"),
        why=_one_of("asked", "wrong_number"),
    ),
    _function(
        "requestHuman",
        "Has a person at the clinic take over. Reasons: "
        + "; ".join(f"{word}: {meaning}" for word, meaning in REASONS.items())
        + ".",
        ("reason",),
        reason=_one_of(*REASONS),
        when=_TEXT
        | {
            "description": "Only if they want to be called another time: when, in their words, such"
            " as tomorrow after 5 pm, or later. The answer says until when nobody contacts them."
        },
    ),
)


_BY_KEYPAD = _function(
    PAY,
    "Takes a card on the phone's keypad and charges the oldest bill to it, after the person has"
    " said yes to the amount; call it again to hear what to ask for next, and what came of it.",
    ("by",),
    by=_one_of(KEYPAD),
)


def _static(function: str, *, keypad: bool) -> list[Json]:
    """A tool's static parameters, which override the model's arguments. They fix the way to pay,
    because only the assistant that hears no keypad may have a card typed.
    """
    if function != PAY:
        return STATIC
    return [*STATIC, {"key": "by", "value": KEYPAD if keypad else SAVED_CARD}]


def render_tools(public_url: str, *, keypad: bool = False) -> list[Json]:
    """The tools, paying with the card on file or with one typed on the keypad. The Vapi client adds
    our secret to each `server` when it sends the body.
    """
    functions = [
        _BY_KEYPAD if keypad and function["name"] == PAY else function for function in FUNCTIONS
    ]
    return [
        {
            "type": "function",
            "async": False,
            "function": function,
            "parameters": _static(function["name"], keypad=keypad),
            "server": {"url": f"{public_url}{TOOLS_PATH}", "timeoutSeconds": SECONDS},
        }
        for function in functions
    ]
