"""Invoices whose due date has passed in their account's time zone are overdue.

Twice is harmless: each invoice is recomputed, and written only if it changed.
"""

import time
from collections.abc import Sequence

from peewee import InterfaceError, OperationalError

from actions.payments.recompute import recompute, recompute_each
from delivery.attempt import Snooze
from delivery.registry import job
from models.invoices.invoice import Invoice
from models.reports.overdue import past_due
from models.transactions import transaction
from runtime.clock import business_now
from runtime.errors import PayphoneError
from runtime.log import get_log

BATCH = 200  # invoices folded in one transaction
ENOUGH = 5.0  # seconds of an attempt, after which others in its queue have a turn

log = get_log("job")


class NotFolded(PayphoneError):
    """Some invoices could not be recomputed from their facts; the others were."""


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def mark_overdue() -> None:
    """Fold the sent invoices that are past due where their account is, batch by batch, until none
    is left.

    One that cannot be folded keeps no other from being overdue: it is named in the log, and this
    job fails in the end.
    """
    begun, has_more = time.monotonic(), True
    while has_more:
        due = past_due(business_now())
        ids = [row.id for row in due.limit(BATCH)] if due is not None else []
        changed = _fold_together(ids)
        has_more = len(ids) == BATCH and any(changed.values())
        if has_more and time.monotonic() - begun > ENOUGH:
            raise Snooze("more invoices have become overdue", 0.0)
    wrong = [invoice_id for invoice_id, has_changed in changed.items() if has_changed is None]
    if wrong:
        raise NotFolded(
            f"Invoices that could not be folded: {len(wrong)}, {wrong[0]} first; each has a line in"
            " the log."
        )


def _fold_together(ids: Sequence[str]) -> dict[str, bool | None]:
    """Whether each invoice has changed; None for those that could not be folded.

    In one transaction, and by few statements. If one of them cannot be folded, each
    has a transaction of its own.
    """
    try:
        with transaction():
            return dict(recompute_each(Invoice.locked_with_accounts(ids)))
    except (OperationalError, InterfaceError):
        raise  # not an invoice's fault: a server that is away is so for the next one as well
    except Exception as error:  # noqa: BLE001 - told below, of the invoice whose fault it is
        log.warning("a batch is folded one by one", why=repr(error))
        return {invoice_id: _fold(invoice_id) for invoice_id in ids}


def _fold(invoice_id: str) -> bool | None:
    """Whether the invoice has changed; None when it could not be folded."""
    try:
        with transaction():
            return recompute(Invoice.locked(invoice_id))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("invoice not folded", invoice_id=invoice_id)
        return None
