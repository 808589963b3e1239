"""Old rows are deleted: jobs, stored answers, sessions, deliveries, events of the feed and reports,
each at its own age. What was said in old calls is taken out, what was in bills that no port has
used, and what an older release should not have kept.

Twice is harmless: deleted rows stay deleted. Dead jobs are kept until a person retries them; money,
effects and the audit log for ever.
"""

from collections.abc import Callable
from datetime import timedelta

from delivery.attempt import Snooze
from delivery.registry import job
from models.books.inbox_event import InboxEvent
from models.calling.call import Call
from models.delivery.retention import KEPT, delete_old_events, delete_old_tallies
from models.deployment.port_document import PortDocument
from models.transactions import transaction
from rules.deployment.port_documents import KEPT_DAYS
from runtime.clock import real_now
from runtime.settings import get_settings

BATCH = 1_000
BATCH_OF_BILLS = 20  # each of up to some megabytes
PAUSE = 0.5  # seconds between batches, for others to work in


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("prune_jobs",))
def delete_expired_rows() -> None:
    """Delete a batch of each kind, and run again while any batch was full.

    Also take out Stripe's client secrets that processes of an older release, which still ran beside
    this one, have kept.
    """
    deletions = [*(kept.delete for kept in KEPT), delete_old_events, delete_old_tallies]
    full = [_batch(delete) for delete in deletions]
    with transaction():
        full.append(InboxEvent.forget_left_secrets(BATCH) == BATCH)
        now = real_now()
        said_before = now - timedelta(days=get_settings().call_records_days)
        full.append(Call.forget_said(said_before, BATCH) == BATCH)
    unused_before = now - timedelta(days=KEPT_DAYS)
    with transaction():
        full.append(PortDocument.forget_unused(unused_before, BATCH_OF_BILLS) == BATCH_OF_BILLS)
    if any(full):
        raise Snooze("there is more to delete", PAUSE)


def _batch(delete: Callable[[int], int]) -> bool:
    """Delete one batch in its own transaction; whether it was full."""
    with transaction():
        return delete(BATCH) == BATCH
