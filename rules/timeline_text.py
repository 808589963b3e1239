"""The timeline's wording for outcomes and money."""

from collections.abc import Mapping
from typing import Any

from rules.money import to_major

OUTCOMES = {
    "applied": "Recorded.",
    "unchanged": "Already known.",
    "ignored": "Not about money.",
    "unmatched": "No invoice here matches it.",
    "refused": "Refused.",
}

_TERMS = {"amountDue": "amount", "dueDate": "due date", "status": "status"}

PROMISES = {
    "kept": "was kept:",
    "partly_kept": "was kept in part only:",
    "broken": "was not kept:",
    "replaced": "was replaced by another:",
    "moot": "is moot, because the invoice is closed or disputed:",
}


def money(amount: int, currency: str) -> str:
    """Minor units for people: `125.00 USD`."""
    return f"{to_major(amount, currency)} {currency.upper()}"


def changed_terms(detail: Mapping[str, Any]) -> str:
    """The changes of an invoice's terms in an audit entry, after a colon; empty if none changed."""
    currency = detail.get("currency") or ""
    changes = [
        f"{_TERMS[name]} from {_term(name, old, currency)} to {_term(name, new, currency)}"
        for name, (old, new) in (detail.get("terms") or {}).items()
    ]
    return f": {', '.join(changes)}" if changes else ""


def _term(name: str, value: Any, currency: str) -> str:
    return money(value, currency) if name == "amountDue" else str(value).replace("_", " ")


def refund_failed(amount: str, why: str | None) -> str:
    """A failed refund, and what to do about it; `amount` is already formatted."""
    message = (
        f"The bank returned the refund of {amount}{f' ({why})' if why else ''}: the person did not"
        " get it, and the invoice counts it as paid again."
    )
    return f"{message} Request the refund again, or pay it back another way, such as by check."


def paid_after_closing(mark: str, amount: str, payment_id: str, method: str) -> str:
    """A payment on an invoice that was closed by hand, and how to return it; `amount` is already
    formatted.
    """
    how = (
        f"refund it with POST /api/payments/{payment_id}/refunds"
        if method == "stripe"
        else "pay it back the way it came, and void it"
    )
    closed = mark.replace("_", " ")
    return f"{amount} was received, and the invoice is {closed}. Keep it if it was owed, or {how}."


def asked_for(amount: int, currency: str, number: str, revision: int) -> str:
    """What a link or a payment is for. The revision counts the changes of the balance, which
    distinguishes two links for the same amount.
    """
    owed = money(amount, currency)
    return f"{owed} to be paid on invoice {number}, revision {revision} of its balance"
