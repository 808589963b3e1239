"""A port's status from Twilio and the clinic's carrier, in words, with what to do; pure.

Statuses and portability codes are those of Twilio's porting pages (twilio.com/docs/phone-numbers,
"Port in", November 2026). Carriers' rejections are free text with unpublished codes, so they are
classified by keywords.
"""

from dataclasses import dataclass
from datetime import timedelta

SOONEST = timedelta(days=7)  # the earliest port date that Twilio accepts in the United States
TEXTS_AFTER = timedelta(hours=2)  # texts move this long after calls; support.twilio.com 229986247

# advice on numbers that cannot be ported, by Twilio's code
NOT_PORTABLE = {
    "22102": "It is not a valid telephone number. Correct it.",
    "22130": "Twilio does not port numbers of this kind, carrier or region. Forward your number"
    " instead.",
    "22131": "The number is already in this Twilio account, or on its way there. Ask the operator"
    " of this installation.",
    "22132": "The number is with another customer of Twilio. Have that customer release it first.",
    "22133": "Twilio ports this number by hand only. Ask the operator of this installation to open"
    " a port order in the Twilio console, or forward your number instead.",
    "22135": "Twilio could not check it just now. Deploy again in an hour.",
    "22136": "The number is already in one of the Twilio accounts here. Ask the operator of this"
    " installation.",
    "22171": "Your carrier wants your account number and PIN. Add both.",
}
# advice on rejections, by keywords in the carrier's reason; the first match counts
REJECTIONS = (
    (("pin", "passcode", "password"), "Ask your carrier for your account's PIN"),
    (("account number", "account no", "btn", "account telephone"), "Copy the account number"),
    (("name", "end user", "authorized"), "Write name and representative as your carrier has them"),
    (("address", "zip", "postal"), "Write the address exactly as your carrier's bill has it"),
    (("balance", "business relationship", "contract", "past due"), "Settle it with your carrier"),
    (("freeze", "protect", "lock"), "Have your carrier lift the lock on the number"),
    (("inactive", "disconnect", "not active"), "Have your carrier put the number back in service"),
    (("pending order", "duplicate", "open order"), "Have your carrier close its open order"),
    (("document", "bill", "loa", "letter"), "Upload a bill of the last 30 days"),
)
OTHER_REJECTION = "Ask your carrier what is wrong"
AGAIN = (
    "; correct it under the phone's settings, roll this deployment back, which cancels the port and"
    " refunds the fee, and deploy again."
)

DONE, OVER, ACT, WAIT = "done", "over", "act", "wait"
_STATUSES = {
    "pending": (WAIT, "Twilio has taken the port request."),
    "in review": (WAIT, "Twilio is checking the port request; there is nothing to do."),
    "waiting for signature": (
        ACT,
        (
            "A letter of authorization was sent to {email}: {representative} has to sign it before"
            " your carrier is asked."
        ),
    ),
    "in progress": (
        WAIT,
        "Your carrier has the port request; this takes days. Do not cancel there.",
    ),
    "submitted": (WAIT, "Your carrier has the port request; this takes days. Do not cancel there."),
    "action required": (ACT, "Your carrier refused the port: {reason}. {todo}"),
    "rejected": (ACT, "Your carrier refused the port: {reason}. {todo}"),
    "completed": (DONE, "Your number has moved."),
    "expired": (OVER, "The port request has expired: the letter was not signed in time."),
    "canceled": (OVER, "The port request was cancelled: {reason}."),
}
_UNKNOWN = (WAIT, "Twilio says of the port: {status}.")
# the number's own status is more specific than its request's, except for these of the request
_REQUEST_WINS = frozenset({"expired", "canceled", "waiting for signature", "action required"})
MOVES_ON = " It moves on {date}."
# Twilio has yet to check a request that is pending; a number is pending once its carrier has the
# request, and soon has a date
_PENDING, _WITH_CARRIER = "pending", "in progress"


@dataclass(frozen=True, slots=True)
class Port:
    """The state of a port: `status` is Twilio's, `what` is done, over, act or wait; `words` are for
    the clinic.
    """

    status: str
    what: str
    words: str


def port_of(request: dict[str, str], number: dict[str, str]) -> Port:
    """Derive a port's state from Twilio's request {status, reason, representative, email} and its
    number {status, reason, port_date}.
    """
    status = _plain(number.get("status", ""))
    request_status = _plain(request.get("status", ""))
    if status != "completed" and (request_status in _REQUEST_WINS or status not in _STATUSES):
        status = request_status if request_status in _STATUSES or not status else status
    date = number.get("port_date", "")[:10]
    is_with_carrier = status == _PENDING and (request_status == _WITH_CARRIER or date)
    what, words = _STATUSES.get(_WITH_CARRIER if is_with_carrier else status, _UNKNOWN)
    reason = (number.get("reason") or request.get("reason") or "no reason was given").rstrip(".")
    message = words.format(
        email=request.get("email") or "the address you gave",
        representative=request.get("representative") or "your representative",
        reason=reason,
        todo=advice(reason),
        status=status,
    )
    if date and what == WAIT:
        message += MOVES_ON.format(date=date)
    return Port(status.replace(" ", "_"), what, message)


def advice(reason: str) -> str:
    """What the clinic can do about a carrier's reason."""
    lowered = reason.lower()
    fitting = (todo for words, todo in REJECTIONS if any(word in lowered for word in words))
    return next(fitting, OTHER_REJECTION) + AGAIN


def why_not_portable(code: str, reason: str) -> str:
    """Why a number cannot be ported, and what to do."""
    otherwise = "Forward your number instead, or ask the operator of this installation."
    known = NOT_PORTABLE.get(code, otherwise)
    return f"{reason.rstrip('.') or 'Twilio gave no reason'}. {known}"


def _plain(status: str) -> str:
    """Normalise a status: `Waiting for Signature`, `waiting_for_signature`, `Cancelled`."""
    return (
        status.strip().lower().replace("_", " ").replace("-", " ").replace("cancelled", "canceled")
    )
