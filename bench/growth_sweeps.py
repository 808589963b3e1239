"""What `bench.growth` measures of sweeps that have work: invoices that become overdue, and old rows
to delete.
"""

import time
from collections.abc import Callable, Iterator

from bench.growth_fill import fill_rows, vacuum
from delivery.attempt import Snooze
from jobs.delete_expired_rows import delete_expired_rows
from jobs.mark_overdue import mark_overdue
from models.invoices.invoice import Invoice
from models.transactions import execute

DUE = 10_000  # invoices, at any size
OLD = 50  # rows per table
# the column that holds a row's age
AGED = {
    "staged_job": "finished_at",
    "idempotency_key": "created_at",
    "webhook_delivery": "created_at",
    "contact_decision": "at",
    "outgoing_event": "created_at",
}
SWEPT, PRUNED = f"mark_overdue, {DUE:,} due", f"delete_expired_rows, {OLD} of each kind"


def measured() -> Iterator[tuple[str, float]]:
    """Yield what each sweep costs in seconds, by name."""
    yield PRUNED, min(_prune() for _ in range(3))
    fill_rows(
        Invoice,
        DUE,
        id="'inv_swept_' || {n:08}",
        customer_id="'cu_' || {n % 50 + 1:08}",
        number="'swept' || {n:08}",
        currency="'usd'",
        amount_due="100",
        outstanding="100",
        due_date="'2026-01-02'",
        mark="'sent'",
        status="'sent'",
    )
    vacuum()
    taken = _until_done(mark_overdue.perform)
    if (
        Invoice.select()
        .where(Invoice.number.startswith("swept"), Invoice.status == "sent")
        .exists()
    ):
        raise SystemExit("Some invoices past their due date are not overdue.")
    yield SWEPT, taken
    yield "mark_overdue, an invoice of these", taken / DUE


def _prune() -> float:
    """Age the first rows of each table, and delete them; return the seconds."""
    for table, column in AGED.items():
        over = "WHERE state = 'done'" if table == "staged_job" else ""
        execute(
            f"UPDATE {table} SET {column} = 1 WHERE id IN"
            f" (SELECT id FROM {table} {over} ORDER BY id LIMIT ?)",
            (OLD,),
        )
    taken = _until_done(delete_expired_rows.perform)
    for table, column in AGED.items():
        if execute(f"SELECT 1 FROM {table} WHERE {column} = 1 LIMIT 1").fetchone():
            raise SystemExit(f"Old rows of {table} are left.")
    return taken


def _until_done(act: Callable[[], None]) -> float:
    """Perform a job until it no longer snoozes, and return the seconds."""
    begun = time.perf_counter()
    while True:
        try:
            act()
        except Snooze:
            continue
        return time.perf_counter() - begun
