"""The audit entry of a payment attempt that was refused before anything was planned.

A refusal rolls its request back, and an entry in that transaction would be lost. So the refusal
only carries the attempt, and whatever answers the request records it in a transaction of its own.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

from peewee import PeeweeException

from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.transactions import serialize_on, transaction
from runtime.errors import Attempt, Refused
from runtime.log import get_log

log = get_log("payments")


def attempt_of(invoice: Invoice, amount: int | None, actor: str, *key: str) -> Attempt:
    """Describe an attempt to pay `amount` of the invoice, or its outstanding balance. `key`: what
    repetitions of the attempt have in common besides the request's own Idempotency-Key.
    """
    wanted = invoice.outstanding if amount is None else amount
    return Attempt(invoice.account_id, invoice.id, wanted, invoice.currency, actor, key)


@contextmanager
def attempting(invoice: Invoice, amount: int | None, actor: str, *key: str) -> Iterator[None]:
    """Attach `attempt_of` to any refusal raised within the block."""
    try:
        yield
    except Refused as refused:
        refused.attempt = attempt_of(invoice, amount, actor, *key)
        raise


def record_refused(attempt: Attempt, code: str, *key: str) -> None:
    """Record in the open transaction that an attempt was refused, and why, once for each key and
    code.
    """
    subject, about = f"invoice:{attempt.invoice_id}", {}
    if keyed := [*attempt.key, *key]:
        # keys are free text from clients: only a digest is kept
        digest = hashlib.sha256(json.dumps([code, attempt.actor, *keyed]).encode()).hexdigest()[:32]
        serialize_on(f"refused:{digest}")  # concurrent repetitions must leave a single entry
        if AuditEntry.has("subject = ? AND CAST(detail AS TEXT) LIKE ?", subject, f"%{digest}%"):
            return
        about["request"] = digest
    AuditEntry.record(
        attempt.actor,
        "payment.refused",
        subject,
        attempt.account_id,
        invoice_id=attempt.invoice_id,
        amount=attempt.amount,
        currency=attempt.currency,
        code=code,
        **about,
    )


def audit_refused(refused: Refused, *key: str) -> None:
    """Record a refused attempt to pay, once its request is rolled back. The client gets the refusal
    in any case: if the entry cannot be saved, it goes to the log.
    """
    attempt = refused.attempt
    if attempt is None:
        return
    try:
        with transaction():
            record_refused(attempt, refused.code, *key)
    except PeeweeException as error:
        log.error(
            "a refused payment is not in the audit log",
            code=refused.code,
            account_id=attempt.account_id,
            invoice_id=attempt.invoice_id,
            amount=attempt.amount,
            currency=attempt.currency,
            by=attempt.actor,
            error=type(error).__name__,
        )
