"""Old rows are deleted: jobs, stored answers, sessions, deliveries, events of the feed and reports,
each at its own age.

Twice is harmless: deleted rows stay deleted. Dead jobs are kept until a person retries them; money,
effects and the audit log for ever.
"""

from collections.abc import Callable

from delivery.attempt import Snooze
from delivery.registry import job
from models.base import transaction
from models.delivery.retention import KEPT, delete_old_events, delete_old_tallies

BATCH = 1_000
PAUSE = 0.5  # seconds between batches, for others to work in


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("prune_jobs",))
def delete_expired_rows() -> None:
    """Delete a batch of each kind, and run again while any batch was full."""
    deletions = [*(kept.delete for kept in KEPT), delete_old_events, delete_old_tallies]
    full = [_batch(delete) for delete in deletions]
    if any(full):
        raise Snooze("there is more to delete", PAUSE)


def _batch(delete: Callable[[int], int]) -> bool:
    """Delete one batch in its own transaction; whether it was full."""
    with transaction():
        return delete(BATCH) == BATCH
