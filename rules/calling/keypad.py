"""Card entry on the phone's keypad: the pieces to collect, their order, and what can go wrong;
pure.

Twilio collects the digits and reports which piece it has, what is missing, and finally a payment
method. https://www.twilio.com/docs/voice/api/payment-resource
"""

from collections.abc import Mapping

from rules.cards.card_numbers import redact

PIECES = ("payment-card-number", "expiration-date", "security-code")
START, COMPLETE, CANCEL = "start", "complete", "cancel"
MOST_MISTAKES = 4  # over all pieces of one card
SUCCESS = "success"

# what the model says while Twilio waits for a piece
ASK: dict[str, str] = {
    "payment-card-number": "Ask the caller to type the card number on the keypad, and then the"
    " pound key. They must not say it.",
    "expiration-date": "Ask the caller to type the expiry date as four digits, month and year.",
    "security-code": "Ask the caller to type the security code of the card.",
}
AGAIN = " Stay silent while they type, then call this again with by keypad."
PREPARING = "The keypad is being prepared. Say so, and call this again in a few seconds."
CHECKING = "The card is being checked. Say so, and call this again in a few seconds."

# Twilio's ErrorType for a piece: our words for it, and whether the session is over
MISTAKES: dict[str, tuple[str, bool]] = {
    "input-timeout": ("Nothing was typed in time.", False),
    "invalid-card-number": ("That was not a card number.", False),
    "invalid-card-type": ("That kind of card is not accepted; another card may be.", False),
    "invalid-date": ("That was not a date in the future.", False),
    "invalid-security-code": ("That was not a security code.", False),
    "invalid-postal-code": ("That was not a postal code.", False),
    "input-matching-failed": ("The two entries were not the same.", False),
    "session-in-progress": ("Another entry is going on in this call already.", True),
    "internal-error": ("The keypad service failed.", True),
}
# Twilio's final Result, and our own failure reasons
RESULTS: dict[str, str] = {
    "too-many-failed-attempts": "Too much was mistyped.",
    "payment-connector-error": "The card could not be checked.",
    "caller-interrupted-with-star": "The caller ended it with the star key.",
    "caller-hung-up": "The caller hung up.",
    "validation-error": "What was typed could not be read as a card.",
    "internal-error": "The keypad service failed.",
    "session-in-progress": "Another entry is going on in this call already.",
    "mistakes": "Too much was mistyped.",
    "refused": "The keypad cannot be used in this call.",
    "no_token": "The card could not be checked.",
    "no_report": "The keypad service did not report the outcome of the card entry.",
    "not_begun": "The card entry was not started in the call.",
    "balance_changed": "The amount has changed since it was agreed to.",
    "not_charged": "The payment could not be taken.",
}
# the fields of a report that we keep; all others describe the card and its owner
_STORED_FIELDS = (
    "CallSid",
    "Sid",
    "PaymentSid",
    "Capture",
    "Required",
    "ErrorType",
    "Result",
    "PartialResult",
    "Attempt",
)
_LONGEST_STORED = 100  # characters of each
NOTHING = " Nothing was charged. Offer createPaymentLink."


def kept_of_report(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a Twilio report that may be stored: which call and session, and its
    progress.
    """
    return {
        name: redact(fields[name])[:_LONGEST_STORED] for name in _STORED_FIELDS if name in fields
    }


def next_piece(required: str, captured: str) -> str:
    """The piece to collect after `captured`: the first that Twilio still requires, or else the next
    in our order; `complete` if none is left.
    """
    still = [piece for piece in required.replace(",", " ").split() if piece in PIECES]
    if still:
        return still[0]
    if required.strip() or captured not in PIECES:
        return COMPLETE
    after = PIECES[PIECES.index(captured) + 1 :]
    return after[0] if after else COMPLETE


def waiting(piece: str, error: str) -> str:
    """What the model says while Twilio waits for a piece, possibly after a mistake."""
    wrong = MISTAKES[error][0] + " " if error in MISTAKES else ""
    return f"{wrong}{ASK.get(piece, CHECKING)}{AGAIN}"


def why_failed(result: str) -> str:
    """Tell the staff member who started the card entry why it failed, and what to do."""
    why = RESULTS.get(result, RESULTS["internal-error"])
    return f"{why} Nothing was charged. Order it once more, or send a payment link."


def failed(result: str) -> str:
    """What the model says if the card entry failed."""
    return RESULTS.get(result, RESULTS["internal-error"]) + NOTHING
