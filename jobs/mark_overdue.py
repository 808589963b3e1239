"""Invoices whose due date has passed in their account's time zone are overdue.

Twice is harmless: each invoice is folded anew, and one that stands right is not written.
"""

from delivery.attempt import Snooze
from delivery.registry import job
from delivery.standing import stand_anew
from models.base import transaction
from models.overdue import past_due
from models.standing import lock_invoice
from runtime.clock import business_now

BATCH = 200


@job(queue="periodic", attempts=3, timeout=20)
def mark_overdue() -> None:
    """Fold the sent invoices that are past due where their account is, a batch an attempt, until none is left."""
    due = past_due(business_now())
    ids = [row.id for row in due.limit(BATCH)] if due is not None else []
    changed = [_fold(invoice_id) for invoice_id in ids]
    if len(ids) == BATCH and any(changed):
        raise Snooze("more invoices have become overdue", 0.0)


def _fold(invoice_id: str) -> bool:
    with transaction():
        return stand_anew(lock_invoice(invoice_id))
