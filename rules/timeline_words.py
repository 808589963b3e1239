"""What the timeline says: plain words for effects, outcomes and money."""

from rules.declines import advice
from rules.delivery_failures import advice_for
from rules.money import to_major

EFFECTS = {
    "payment_link": "Make a payment link at Stripe",
    "link_deactivate": "Close the payment link at Stripe",
    "session_expire": "Close an open payment page at Stripe",
    "intent_create": "Open a payment at Stripe",
    "intent_change": "Change the amount of the open payment",
    "intent_confirm": "Charge the card",
    "intent_cancel": "Close the open payment at Stripe",
    "refund": "Give money back at Stripe",
    "text": "Send a text",
    "call": "Call",
}
OUTCOMES = {
    "applied": "It was news and counts.",
    "unchanged": "It told nothing new.",
    "ignored": "It says nothing about money.",
    "unmatched": "It belongs to no invoice here.",
    "refused": "It was refused.",
}
UNKNOWN = "Nobody knows yet whether it happened: the provider's record is looked at, and it is never blindly done again."


def money(amount: int, currency: str) -> str:
    """Minor units for people: `125.00 USD`."""
    return f"{to_major(amount, currency)} {currency.upper()}"


def refund_failed(amount: str, why: str | None) -> str:
    """That somebody did not get their money back, and what to do; `amount` as people write it."""
    said = f"The bank sent the refund of {amount} back{f' ({why})' if why else ''}: the person did not get it, and it counts as ours again."
    return f"{said} Ask for the refund once more, or give the money back another way, such as by check."


def doing(kind: str) -> str:
    """What an effect of this kind does."""
    return EFFECTS.get(kind, kind.replace("_", " ").capitalize())


def why_refused(kind: str, code: str) -> str:
    """Why an effect did not happen, as far as it may be told: a card's decline gives nothing confidential away."""
    if kind == "intent_confirm":
        return advice(code)
    if kind in {"text", "call"}:
        known = advice_for(code)
        return known.text if known is not None else f"Refused ({code})."
    return f"The provider refused it ({code or 'no code'})."
