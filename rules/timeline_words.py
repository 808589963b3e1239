"""The timeline's words for effects, outcomes and money."""

from rules.declines import advice
from rules.delivery_failures import advice_for
from rules.money import to_major

EFFECTS = {
    "payment_link": "Create a payment link at Stripe",
    "link_deactivate": "Close the payment link at Stripe",
    "session_expire": "Close an open payment page at Stripe",
    "intent_create": "Create a payment at Stripe",
    "intent_change": "Change the amount of the open payment",
    "intent_confirm": "Charge the card",
    "intent_cancel": "Cancel the open payment at Stripe",
    "refund": "Refund at Stripe",
    "text": "Send a text",
    "call": "Call",
}
OUTCOMES = {
    "applied": "Recorded.",
    "unchanged": "Already known.",
    "ignored": "Not about money.",
    "unmatched": "No invoice here matches it.",
    "refused": "Refused.",
}
UNKNOWN = (
    "It is not known yet whether it happened: the provider's record will be checked, and it will"
    " not be repeated automatically."
)


def money(amount: int, currency: str) -> str:
    """Minor units for people: `125.00 USD`."""
    return f"{to_major(amount, currency)} {currency.upper()}"


def refund_failed(amount: str, why: str | None) -> str:
    """A failed refund, and what to do about it; `amount` as people write it."""
    said = (
        f"The bank returned the refund of {amount}{f' ({why})' if why else ''}: the person did not"
        " get it, and the invoice counts it as paid again."
    )
    return f"{said} Request the refund again, or pay it back another way, such as by check."


def doing(kind: str) -> str:
    """What an effect of this kind does."""
    return EFFECTS.get(kind, kind.replace("_", " ").capitalize())


def asked_for(amount: int, currency: str, number: str, revision: int) -> str:
    """What a link or a payment is made for. The revision counts how often the balance has changed:
    it tells two links for the same amount apart.
    """
    owed = money(amount, currency)
    return f"{owed} to be paid on invoice {number}, revision {revision} of its balance"


def why_refused(kind: str, code: str, said: str = "") -> str:
    """Why an effect did not happen, and what to do; `said`: the provider's own words.

    Of a card only what its decline code may tell: the bank's words may say that it was stolen.
    """
    if kind == "intent_confirm":
        return advice(code)
    if kind in {"text", "call"}:
        known = advice_for(code)
        return known.text if known is not None else f"Refused ({code})."
    why = f"{said.strip().rstrip('.')} ({code})" if code else said.strip().rstrip(".")
    return (
        f"The provider refused it: {why or 'it gave no reason'}. Correct what it names, in the"
        " invoice or in the provider's dashboard, and ask again."
    )
