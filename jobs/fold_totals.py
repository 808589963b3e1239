"""Fold pending changes into the totals, so that reading a total reads few rows.

Twice is harmless: each change is deleted in the transaction that adds it.
"""

from delivery.attempt import Snooze
from delivery.registry import job
from models.reports.running_total import fold_changes
from models.transactions import transaction

BATCH = 5_000


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def fold_totals() -> None:
    """Fold one batch of changes per attempt, until none is left."""
    with transaction():
        folded = fold_changes(BATCH)
    if folded == BATCH:
        raise Snooze("there are more changes to add up", 0.0)
