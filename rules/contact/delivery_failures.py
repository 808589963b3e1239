"""Why a text was not delivered, and what to do next. Codes are Twilio's
(https://www.twilio.com/docs/api/errors).
"""

from dataclasses import dataclass
from typing import Literal

Then = Literal[
    "new_number", "other_channel", "try_later", "opted_out", "fix_sender", "change_text", "look_up"
]


@dataclass(frozen=True, slots=True)
class Advice:
    """`then` is for programs, `text` for people. `suppresses`: this number must not be texted
    again.
    """

    then: Then
    text: str
    suppresses: bool = False


_LANDLINE = Advice(
    "other_channel",
    "The number cannot receive texts (it may be a landline). Call, or ask for a mobile number.",
    suppresses=True,
)
_INVALID = Advice(
    "new_number", "The number does not exist. Ask for the right one.", suppresses=True
)
_OPTED_OUT = Advice(
    "opted_out",
    "The person has opted out of texts from this sender. Only they can opt in again, by texting"
    " START.",
)
_SENDER = Advice(
    "fix_sender",
    "The sender may not send this text. An operator must check it in the Twilio console.",
)
_TRANSIENT = Advice(
    "try_later", "The phone was off or out of reach. Try again later, or use another channel."
)
_FILTERED = Advice(
    "change_text",
    "The carrier filtered the text as spam. Do not resend it unchanged; check the sender's"
    " registration and the template.",
)
_UNCLEAR = Advice(
    "look_up",
    "See this message in the Twilio console for details. Use another channel in the meantime.",
)

ADVICE: dict[str, Advice] = {
    "21211": _INVALID,
    "21217": _INVALID,
    "21614": _LANDLINE,
    "21635": _LANDLINE,
    "30006": _LANDLINE,
    "30005": _INVALID,
    "21610": _OPTED_OUT,
    "30003": _TRANSIENT,
    "30001": _TRANSIENT,
    "30036": Advice(
        "try_later", "It could not be sent before texting hours ended. Send it again tomorrow."
    ),
    "30004": Advice(
        "other_channel", "The person or their carrier blocks this text. Use another channel."
    ),
    "30007": _FILTERED,
    "21408": _SENDER,
    "21606": _SENDER,
    "21608": _SENDER,
    "21612": _SENDER,
    "21659": _SENDER,
    "21660": _SENDER,
    "21701": _SENDER,
    "21703": _SENDER,
    "30023": _SENDER,
    "30032": _SENDER,
    "30034": _SENDER,
    "30460": _SENDER,
    "30863": _SENDER,
    "no_report": Advice(
        "look_up",
        "Twilio reported nothing for two days. Another text may be requested; check the Twilio"
        " console if it matters.",
    ),
    "unknown": Advice(
        "look_up",
        "It is not known whether it was sent. It will not be sent again automatically; ask the"
        " person, or check the Twilio console.",
    ),
}


def advice_for(code: str | None) -> Advice | None:
    """Advice on a failure code; None if nothing failed."""
    if not code:
        return None
    return ADVICE.get(code, _UNCLEAR)
