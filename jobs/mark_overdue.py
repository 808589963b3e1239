"""Mark invoices as overdue whose due date has passed in their account's time zone.

Twice is harmless: each invoice is recomputed, and written only if it changed.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial

from peewee import InterfaceError, OperationalError

from actions.payments.recompute import recompute, recompute_each
from delivery.registry import job
from delivery.scan import Scan
from models.invoices.invoice import Invoice
from models.reports.overdue import past_due
from models.transactions import transaction
from runtime.clock import business_now
from runtime.log import get_log

BATCH = 200  # invoices folded in one transaction

log = get_log("job")


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def mark_overdue(
    due_date: str = "0001-01-01", last_id: str = "", failed: int = 0, first: str = ""
) -> None:
    """Fold the sent invoices that are past due in their account's time zone, earliest due date
    first, batch by batch. Continues after `due_date` and `last_id`, where the last attempt stopped.

    An invoice that cannot be folded is logged and does not block the others; the job fails at the
    end.
    """
    scan, last = Scan("invoice not folded", failed, first), (date.fromisoformat(due_date), last_id)
    while rows := _batch_after(last):
        _fold_together(scan, [row.id for row in rows])
        last = rows[-1].due_date, rows[-1].id
        if len(rows) < BATCH:
            break
        scan.snooze_if_long(last[0].isoformat(), last[1])
    scan.end()


def _batch_after(last: tuple[date, str]) -> list[Invoice]:
    due = past_due(business_now(), last)
    return list(due.limit(BATCH)) if due is not None else []


def _fold_together(scan: Scan, ids: Sequence[str]) -> None:
    """Fold the invoices in one transaction with few statements. If one of them cannot be folded,
    each gets a transaction of its own.
    """
    try:
        with transaction():
            recompute_each(Invoice.locked_with_accounts(ids))
    except (OperationalError, InterfaceError):
        raise  # the database is down, which no single invoice caused: stop here
    except Exception as error:  # noqa: BLE001 - logged below, for the invoice at fault
        log.warning("folding a batch one by one", why=repr(error))
        for invoice_id in ids:
            scan.attempt(invoice_id, partial(_fold, invoice_id))


def _fold(invoice_id: str) -> None:
    with transaction():
        recompute(Invoice.locked(invoice_id))
