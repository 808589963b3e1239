"""A card typed on the phone's keypad: what is asked for, in which order, what can go wrong; pure.

Twilio takes the digits and tells us which piece it has, what is missing, and in the end a payment
method. https://www.twilio.com/docs/voice/api/payment-resource
"""

from collections.abc import Mapping

from rules.cards.card_numbers import redact

PIECES = ("payment-card-number", "expiration-date", "security-code")
START, COMPLETE, CANCEL = "start", "complete", "cancel"
MOST_MISTAKES = 4  # over all pieces of one card
SUCCESS = "success"

# what the model says while a piece is waited for
ASK: dict[str, str] = {
    "payment-card-number": "Ask the caller to type the card number on the keypad, and then the"
    " pound key. They must not say it.",
    "expiration-date": "Ask the caller to type the expiry date as four digits, month and year.",
    "security-code": "Ask the caller to type the security code of the card.",
}
AGAIN = " Stay silent while they type, then call this again with by keypad."
PREPARING = "The keypad is being prepared. Say so, and call this again in a few seconds."
CHECKING = "The card is being checked. Say so, and call this again in a few seconds."

# what Twilio says of one piece (ErrorType), and what is said; True: the session is over
MISTAKES: dict[str, tuple[str, bool]] = {
    "input-timeout": ("Nothing was typed in time.", False),
    "invalid-card-number": ("That was no card number.", False),
    "invalid-card-type": ("That kind of card is not taken; another card may be.", False),
    "invalid-date": ("That was no date to come.", False),
    "invalid-security-code": ("That was no security code.", False),
    "invalid-postal-code": ("That was no postal code.", False),
    "input-matching-failed": ("The two entries were not the same.", False),
    "session-in-progress": ("Another entry is going on in this call already.", True),
    "internal-error": ("The keypad service failed.", True),
}
# what Twilio says in the end (Result), and our own reasons
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
    "no_report": "The keypad service did not say what became of the card.",
    "not_begun": "The card entry was not begun in the call.",
    "balance_changed": "The amount has changed since it was agreed to.",
    "not_charged": "The payment could not be taken.",
}
# what is kept of a report; nothing else, for the rest is of the card and its owner
_KEPT = (
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
_MOST_KEPT = 100  # characters of each
NOTHING = " Nothing was charged. Offer createPaymentLink."


def kept_of_report(fields: Mapping[str, str]) -> dict[str, str]:
    """What may be kept of a report of Twilio's: which call and session, and how far it is."""
    return {name: redact(fields[name])[:_MOST_KEPT] for name in _KEPT if name in fields}


def next_piece(required: str, captured: str) -> str:
    """What is asked for after a piece was taken: the first that is still required, by Twilio's list
    or else by our order; `complete` when there is none.
    """
    still = [piece for piece in required.replace(",", " ").split() if piece in PIECES]
    if still:
        return still[0]
    if required.strip() or captured not in PIECES:
        return COMPLETE
    after = PIECES[PIECES.index(captured) + 1 :]
    return after[0] if after else COMPLETE


def waiting(piece: str, error: str) -> str:
    """What the model says while a piece is waited for, after a mistake perhaps."""
    wrong = MISTAKES[error][0] + " " if error in MISTAKES else ""
    return f"{wrong}{ASK.get(piece, CHECKING)}{AGAIN}"


def why_failed(result: str) -> str:
    """Why no card came of it, for whoever ordered it, and what to do."""
    why = RESULTS.get(result, RESULTS["internal-error"])
    return f"{why} Nothing was charged. Order it once more, or send a payment link."


def failed(result: str) -> str:
    """What the model says when no card came of it."""
    return RESULTS.get(result, RESULTS["internal-error"]) + NOTHING
