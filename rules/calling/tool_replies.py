"""The answers of the assistant's tools, in one line for the model: the result, and what to say;
pure.

Nothing here mentions a debt to a caller who has not been verified.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from rules.money import in_words, to_major

UNKNOWN_TOOL = "There is no such tool. Nothing was done. Do not say that anything was done."
NOT_OURS = "This call is not known here. Nothing was done. Say that somebody will call back."
NOT_LIVE = "This call is over. Nothing was done."
NOT_VERIFIED = (
    "The caller is not verified. Nothing was done and nothing may be said about a bill. Ask for the"
    " full name and the postal code, and call the tool verifyCaller."
)
CARD_NUMBER = (
    "A card number was removed from what you sent; it is kept nowhere. Say: please stop, I cannot"
    " take card details by phone. Offer createPaymentLink instead."
)
FAILED = (
    "Something went wrong on our side. Whether anything was done is not known: say neither that it"
    " was nor that it was not. Offer a person by the tool requestHuman."
)

VERIFIED = "Verified. You may now speak with this person about their bills at this clinic."
ALREADY_VERIFIED = "The caller is verified already."
_ONE_MORE_TRY = (
    "Not verified. Do not say which answer was wrong, and say nothing about a bill. Ask once more"
    " for the full name{more}, then call this again; there is one more try."
)
ONE_MORE_TRY = _ONE_MORE_TRY.format(more=" and the postal code")
# said to everyone who calls, since a caller from a number that is not on file needs it
ONE_MORE_TRY_OF_CALLER = _ONE_MORE_TRY.format(
    more=", the postal code, and the number on a bill if they have one"
)
TRIES_USED_UP = (
    "Not verified, and there are no more tries in this call. Do not ask again and say nothing about"
    " a bill. Call the tool requestHuman with the reason unverified."
)

PAID = "The payment of {amount} for bill {number} succeeded. Say so, and thank the caller."
NOTHING_LEFT = (
    "Nothing is left to pay of bill {number}: it was settled another way meanwhile, and this card"
    " was not charged. Say so, and offer no other way to pay it."
)
UNDER_WAY = (
    "The payment is under way and its outcome is not known yet. Say that, and do not say that it"
    " was paid. Call this again in a few seconds to ask."
)
NOT_BY_CARD = (
    "Bill {number} is unpaid still, and no card can be charged for what is left of it. Do not ask"
    " for a card for it; offer a person."
)
NO_CARDS_IN_CALLS = "This clinic takes no cards during a call. Offer createPaymentLink."
NO_SUCH_WAY = "There is no such way to pay here. Offer createPaymentLink."
NO_MORE_ENTRIES = "No more cards can be typed in this call. Offer createPaymentLink."
NO_KEYPAD = "This clinic takes no card by keypad. Offer createPaymentLink."
OTHER_NUMBER = (
    "That number is neither on file nor the one on the line, so nothing is texted to it. Offer this"
    " phone, the number on file, or to read the address out."
)
BAD_DAY = "Give the day as YYYY-MM-DD. Nothing was recorded; ask for the day."
NO_NUMBER = (
    "The caller's number is withheld, and a person at the clinic was asked to look. Ask for the"
    " number that should not be contacted, and call the tool requestHuman."
)
STOPPED = "Recorded at once: no more {what} to this number. Say so. Do not ask why."
WRONG_NUMBER = (
    "Recorded at once: nothing more to this number. Say sorry, say no more about why you called,"
    " and end the call."
)
HUMAN = "Recorded: a person at the clinic will get in touch by the next working day. Say so."
HUMAN_THEN = (
    "Recorded, with their words: nobody contacts them before the time that they named, and then a"
    " person at the clinic will get in touch. Say so."
)
HUMAN_TOMORROW = (
    "Recorded, with their words, but no day is understood in them: nobody contacts them before"
    " tomorrow. Say so. If they want to be left alone for longer, ask for the date, and call this"
    " again with it as when."
)

NOTHING_DUE = "Nothing is due at the moment. Say that there is nothing to pay."
DECLARED = {
    "not_found": "No such bill belongs to this call. Nothing was done.",
    "invoice_already_paid": NOTHING_DUE,
    "invoice_not_payable": "This bill cannot be paid just now. Offer a person.",
    "invoice_closed": "This bill is closed. Offer a person if the caller has questions.",
    "payment_in_progress": (
        "A payment of this bill is on its way. Say so; nothing more has to be done now."
    ),
    "payment_repeated": (
        "The same payment was made minutes ago, so nothing was charged again. Say so."
    ),
    "no_saved_card": "There is no card on file. Nothing was charged. Offer createPaymentLink.",
    "charges_paused": "Cards cannot be charged just now. Nothing was charged. Offer a link.",
    "ceiling_reached": "Cards cannot be charged any more today. Nothing was charged. Offer a link.",
    "books_stale": "Cards cannot be charged just now. Nothing was charged. Offer a link.",
    "payment_refused": "The payment could not be taken. Nothing was charged. Offer a person.",
    "conflict": "A text about this is on its way to another number already. Say so.",
    "contact_refused": "No text may be sent to this number now.",
    "card_declined": "The card was declined. Nothing was charged. Offer a link. Advice:",
    "staff_form_off": NO_CARDS_IN_CALLS,
    "invalid": "",
}
ELSE = "It could not be done, and nothing was done. Say so, and offer a person."
# refusals whose detail is written for the caller
_WITH_DETAIL = frozenset({"card_declined", "invalid"})


def reply_for(code: str, detail: str) -> str:
    """Tell the model about a refusal. Its detail is for the clinic and is left out, unless it was
    written for the caller.
    """
    words = DECLARED.get(code, ELSE)
    return f"{words} {detail}".strip() if code in _WITH_DETAIL else words


def bill(
    number: str, amount: int, currency: str, due: date, *, is_overdue: bool, project: str = ""
) -> str:
    """One bill, as it may be read to the verified person who owes it."""
    when = f"{due:%B} {due.day}, {due.year}"
    was = f"was due on {when} and is overdue" if is_overdue else f"is due on {when}"
    about = f", reference {project}" if project else ""
    return f"Bill {number}{about}: {in_words(amount, currency, 'en_US')} to pay, {was}."


def total_of(amounts: Iterable[tuple[int, str]]) -> str:
    """The total of several bills in each currency; each bill is paid separately."""
    sums: Counter[str] = Counter()
    for amount, currency in amounts:
        sums[currency] += amount
    total = " and ".join(in_words(amount, currency, "en_US") for currency, amount in sums.items())
    return f"Together they are {total}. They are paid one after the other, the oldest first."


def link_texted(phone: str) -> str:
    """A text with the link was queued; whether it arrives is not known yet."""
    return (
        f"A text with the payment link is on its way to the number ending in {phone[-4:]}. Say so,"
        " and that the page is safe. Do not say that anything was paid."
    )


def link_to_read(url: str, refused: bool) -> str:
    """The payment page's URL, for a caller who cannot be texted or wants it read out."""
    why = "No text may be sent to this number now. " if refused else ""
    return (
        f"{why}The payment page is at {url} . Offer to read the address out, character by"
        " character, twice. Do not say that a text was sent."
    )


def ask_consent(
    amount: int, currency: str, number: str, clinic: str, notice: str, card: str
) -> str:
    """The question that must be read out, and answered with a yes, before a card is charged."""
    return (
        "Nothing was charged yet. "
        + (f"Say first: {notice} " if notice else "")
        + f"Then say exactly: Do you agree that {clinic} charges {spoken_amount(amount, currency)}"
        f" to {card} for bill {number}? Wait for a clear yes, then call this again with"
        " the same values."
    )


def spoken_amount(amount: int, currency: str) -> str:
    """An amount in digits, in the form that the consent check looks for."""
    return f"{to_major(amount, currency)} {currency.upper()}"


def promised(day: date) -> str:
    """Confirm a recorded promise."""
    return f"Recorded: the payment is promised for {day:%A}, {day:%B} {day.day}. Thank the caller."
