"""Invoices whose due date has passed in their account's time zone are overdue.

Twice is harmless: each invoice is folded anew, and one that stands right is not written.
"""

from datetime import timedelta

from delivery.attempt import recording
from delivery.registry import job
from delivery.standing import stand_anew
from models.base import transaction
from models.invoice import Invoice
from models.standing import lock_invoice
from runtime.clock import business_now

BATCH = 200


@job(queue="periodic", attempts=3, timeout=20)
def mark_overdue() -> None:
    """Fold every sent invoice that is past due somewhere on earth."""
    latest = (business_now() + timedelta(hours=14)).date()  # UTC+14 is where a day ends first
    due = (Invoice.status == "sent") & (Invoice.due_date < latest)
    ids = [row.id for row in Invoice.select(Invoice.id).where(due).order_by(Invoice.due_date).limit(BATCH)]
    for invoice_id in ids:
        with transaction():
            invoice = lock_invoice(invoice_id)
            stand_anew(invoice)
    with recording():
        pass
