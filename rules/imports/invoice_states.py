"""Classify a row of an export by its type and status: an invoice to collect, a draft, a closed
invoice, or not an invoice.

One vocabulary serves all programs, because none of them gives a word another meaning. An unlisted
word is refused: collecting a "Reversed" invoice would be worse than asking. Sources are the
programs' own pages, named beside the words.
"""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from rules.imports.csv_cells import BadCell


class State(StrEnum):
    """The meaning of a status for the import."""

    OPEN = "open"
    PARTIAL = "partly paid"
    DRAFT = "draft"
    PAID = "paid"
    VOID = "voided"
    WRITTEN_OFF = "written off"
    HELD = "held back"


class Kind(StrEnum):
    """The meaning of a transaction type for the import."""

    INVOICE = "invoice"
    CREDIT = "credit"
    OTHER = "other"


CLOSED = frozenset({State.PAID, State.VOID, State.WRITTEN_OFF})
COLLECTED = frozenset({State.OPEN, State.PARTIAL, State.DRAFT})

# QuickBooks Online: quickbooks.intuit.com/learn-support, "invoice status"; Xero:
# developer.xero.com, Invoices → Status, and the words of its list; FreshBooks:
# www.freshbooks.com/api/invoices → v3_status; Zoho: www.zoho.com/books/api/v3/invoices → status;
# Wave: developer.waveapps.com → InvoiceStatus; Square: developer.squareup.com → InvoiceStatus;
# Stripe: docs.stripe.com/api/invoices → status
STATES: dict[State, tuple[str, ...]] = {
    State.OPEN: (
        "open",
        "sent",
        "unpaid",
        "not paid",
        "overdue",
        "past due",
        "due",
        "not due",
        "outstanding",
        "viewed",
        "emailed",
        "printed",
        "delivered",
        "authorised",
        "authorized",
        "awaiting payment",
        "retry",
        "active",
        "posted",
        "issued",
    ),
    State.PARTIAL: (
        "partial",
        "partially paid",
        "partly paid",
        "part paid",
        "partial payment",
    ),
    State.DRAFT: (
        "draft",
        "submitted",
        "awaiting approval",
        "pending approval",
        "approved",
        "saved",
        "unsent",
        "not sent",
        "scheduled",
        "needs approval",
    ),
    State.PAID: (
        "paid",
        "paid in full",
        "fully paid",
        "deposited",
        "paid not deposited",
        "not deposited",
        "auto paid",
        "autopaid",
        "closed",
        "settled",
        "partially refunded",
        "overpaid",
    ),
    State.VOID: ("void", "voided", "deleted", "cancelled", "canceled", "refunded"),
    State.WRITTEN_OFF: ("written off", "write off", "uncollectible", "bad debt"),
    State.HELD: (
        "disputed",
        "on hold",
        "payment pending",
        "processing",
        "in collections",
        "sent to collections",
    ),
}
KINDS: dict[Kind, tuple[str, ...]] = {
    Kind.INVOICE: ("invoice", "sales invoice", "tax invoice", "accrec"),
    Kind.CREDIT: (
        "credit memo",
        "credit note",
        "sales credit note",
        "credit",
        "delayed credit",
        "accreccredit",
        "payment",
        "customer payment",
        "received payment",
        "receive payment",
        "unapplied payment",
        "unapplied cash payment",
        "overpayment",
        "sales overpayment",
        "aroverpayment",
        "accrecoverpayment",
        "prepayment",
        "sales prepayment",
        "arprepayment",
        "accrecprepayment",
        "retainer",
        "retainer payment",
        "customer credit",
    ),
    Kind.OTHER: (
        "estimate",
        "quote",
        "proforma",
        "sales order",
        "sales receipt",
        "refund",
        "refund receipt",
        "credit refund",
        "deposit",
        "journal entry",
        "journal",
        "general journal",
        "charge",
        "delayed charge",
        "statement",
        "statement charge",
        "stmt charge",
        "finance charge",
        "bill",
        "purchase bill",
        "bill credit",
        "bill payment",
        "vendor credit",
        "accpay",
        "accpaycredit",
        "expense",
        "check",
        "cheque",
        "transfer",
        "purchase order",
        "time activity",
        "time charge",
        "opening balance",
        "adjustment",
    ),
}
_STATE_OF = {word: state for state, words in STATES.items() for word in words}
_KIND_OF = {word: kind for kind, words in KINDS.items() for word in words}
# QuickBooks Online and Zoho add the days: "Overdue 5 days", "Overdue by 3 days", "Due in 12 days"
_WITH_DAYS = re.compile(
    r"(?:overdue|past due|due)(?: (?:by|in|on|since))?"
    r"(?: (?:today|tomorrow|later|\d+ days?|[\d/.]+| ))*|\d+ days? (?:overdue|past due)"
)


@lru_cache(maxsize=256)  # a file repeats a few words
def state_of(text: str) -> State:
    """Classify a status; an empty one counts as open. Raises BadCell for an unknown word."""
    whole = _state(_plain(text))
    parts = {_state(_plain(part)) for part in re.split(r"[,;.()\n]+", text) if _plain(part)}
    if whole is None and None not in parts:  # "Overdue 3 days, partially paid"
        whole = State.PARTIAL if parts == {State.OPEN, State.PARTIAL} else None
        whole = next(iter(parts)) if len(parts) == 1 else whole
    if whole is None:
        raise BadCell(
            f"{text[:40]!r} is not a known status. Collected:"
            f" {_list(STATES, COLLECTED)}; not collected:"
            f" {_list(STATES, set(STATES) - COLLECTED)}. Correct it, or say --mapping status= if"
            " the column is about something else"
        )
    return whole


def _state(words: str) -> State | None:
    if not words or _WITH_DAYS.fullmatch(words):
        return State.OPEN
    return _STATE_OF.get(words)


@lru_cache(maxsize=256)
def kind_of(text: str) -> Kind:
    """Classify a transaction type; an empty one is an invoice. Raises BadCell for an
    unknown word.
    """
    words = _plain(text)
    if not words:
        return Kind.INVOICE
    if words not in _KIND_OF:
        raise BadCell(
            f"{text[:40]!r} is not a known type. Invoices:"
            f" {_list(KINDS, [Kind.INVOICE])}; not invoices:"
            f" {_list(KINDS, [Kind.CREDIT, Kind.OTHER])}. Correct it, or say --mapping type= if the"
            " column is about something else"
        )
    return _KIND_OF[words]


def _plain(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_,():-]+", " ", text)  # PartiallyPaid, written_off
    return " ".join(spaced.casefold().split())


def _list(words: Mapping[Any, tuple[str, ...]], of: Collection[str]) -> str:
    return ", ".join(word for one, known in words.items() if one in of for word in known)
