"""Old rows are deleted: jobs, stored answers, sessions, deliveries, events of the feed and reports,
each at its own age.

Twice is harmless: deleted rows stay deleted. Dead jobs are kept until a person retries them; money,
effects and the audit log for ever.
"""

from collections.abc import Callable

from delivery.attempt import Snooze
from delivery.registry import job
from models.base import transaction
from models.delivery.retention import KEPT, forget_events, forget_tallies

BATCH = 1_000
PAUSE = 0.5  # seconds between batches, for others to work in


@job(queue="periodic", attempts=3, timeout=20)
def prune_jobs() -> None:
    """Delete a batch of each kind, and run again while any batch was full."""
    full = [_batch(kept.forget) for kept in KEPT] + [_batch(forget_events), _batch(forget_tallies)]
    if any(full):
        raise Snooze("there is more to forget", PAUSE)


def _batch(forget: Callable[[int], int]) -> bool:
    """Delete one batch in its own transaction; whether it was full."""
    with transaction():
        return forget(BATCH) == BATCH
