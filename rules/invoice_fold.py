"""An invoice's amounts and status, computed from its payments and returns in any order.

The caller passes each payment and each return once; the rows' unique ids ensure that. A payment in
a currency other than the invoice's is not added up but reported as a mismatch. A voided payment (a
typing error, a bounced check) counts for nothing.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Terms:
    """The agreed terms and the clinic's decision. `mark`: draft, sent, cancelled or written_off."""

    amount_due: int
    currency: str
    mark: str
    due_date: date


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """Money received, in minor units; `key` is the payment's own id."""

    key: str
    amount_received: int
    currency: str
    voided: bool = False


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """Money that went back, or is on its way: a refund, or the amount a dispute withholds.
    `payment_key` is its payment's `key`.
    """

    payment_key: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Amounts:
    """An invoice's amounts, in minor units of its currency, and its status."""

    amount_received: int
    amount_returned: int
    amount_paid: int
    outstanding: int
    overpaid: int
    mismatched: bool
    disputed: bool
    status: str


class Flags(NamedTuple):
    """What staff must look at: money in another currency, an open dispute."""

    mismatched: bool
    disputed: bool


UNPAID = ("overdue", "sent")  # statuses in which an invoice awaits payment
# final marks, after which it no longer awaits payment
CLOSING_MARKS = frozenset({"cancelled", "written_off"})
# A refund in a RETURNING state has left; in a KEPT one it has not, or has come back. In an unknown
# state it counts as gone until Stripe says otherwise, so that we never overstate what we have.
RETURNING = frozenset({"pending", "requires_action", "succeeded"})
KEPT = frozenset({"failed", "canceled"})


def is_known_refund_status(word: str) -> bool:
    """Whether we know the meaning of a refund's status."""
    return word in RETURNING | KEPT


def fold(
    terms: Terms,
    payments: Collection[PaymentFact],
    returns: Iterable[ReturnFact],
    disputed: bool,
    today: date,
) -> Amounts:
    """The amounts and status that `terms` and the facts imply on `today` (the account's own date).

    `disputed` says whether a dispute is open: its money is among the returns, its status is not
    folded. Paid means that the money kept covers the amount due, even if the invoice has been
    cancelled in the meantime.
    """
    counted = _not_voided(payments)
    received = sum(_received(terms.currency, counted).values())
    mismatched = any(each.amount_received and each.currency != terms.currency for each in counted)
    kept = sum(kept_of_each(terms.currency, payments, returns).values())
    return _amounts(terms, received, received - kept, Flags(mismatched, disputed), today)


def kept_of_each(
    currency: str, payments: Collection[PaymentFact], returns: Iterable[ReturnFact]
) -> dict[str, int]:
    """What each payment in `currency` that is not voided has brought, less its returns, by key."""
    received = _received(currency, _not_voided(payments))
    returned = dict.fromkeys(received, 0)
    for back in returns:
        if back.payment_key in returned and back.currency == currency:
            returned[back.payment_key] += back.amount
    return {key: amount - max(0, min(amount, returned[key])) for key, amount in received.items()}


def _not_voided(payments: Collection[PaymentFact]) -> list[PaymentFact]:
    """The payments without those that any fact about them voids, in whatever order the
    facts come.
    """
    voided = {payment.key for payment in payments if payment.voided}
    return [payment for payment in payments if payment.key not in voided]


def _received(currency: str, payments: Iterable[PaymentFact]) -> dict[str, int]:
    return {each.key: each.amount_received for each in payments if each.currency == currency}


def _amounts(terms: Terms, received: int, returned: int, flags: Flags, today: date) -> Amounts:
    paid = received - returned
    covered = paid >= terms.amount_due and received > 0
    closed = terms.mark in CLOSING_MARKS
    nothing_was_owed = terms.mark == "cancelled" and not covered
    return Amounts(
        amount_received=received,
        amount_returned=returned,
        amount_paid=paid,
        outstanding=0 if closed else max(0, terms.amount_due - paid),
        overpaid=paid if nothing_was_owed else max(0, paid - terms.amount_due),
        mismatched=flags.mismatched,
        disputed=flags.disputed,
        status=_status(terms, covered, today),
    )


def _status(terms: Terms, covered: bool, today: date) -> str:
    if covered:
        return "paid"
    if terms.mark == "sent" and terms.due_date < today:
        return "overdue"
    return terms.mark
