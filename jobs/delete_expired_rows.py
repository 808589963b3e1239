"""Delete old rows: jobs, stored answers, sessions, deliveries, feed events and reports, each at its
own age. Erase the words of old calls, bills that no port has used, and what an older release should
not have stored.

Twice is harmless: deleted rows stay deleted. Dead jobs are kept until a person retries them; money,
effects and the audit log for ever.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from delivery.attempt import Snooze
from delivery.registry import job
from delivery.scan import Scan
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
PAUSE = 0.5  # seconds between batches, in which others can work


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("prune_jobs",))
def delete_expired_rows() -> None:
    """Delete a batch of each kind, and run again while any batch was full. A kind that cannot be
    deleted does not block the others.

    Also erase Stripe client secrets stored by processes of an older release that still ran beside
    this one.
    """
    scan, full = Scan("old rows not deleted"), list[str]()
    for kind, delete, most in _deletions(real_now()):
        scan.attempt(kind, partial(_delete_batch, kind, delete, most, full))
    if full:
        raise Snooze("there is more to delete", PAUSE)
    scan.end()


def _deletions(now: datetime) -> list[tuple[str, Callable[[int], int], int]]:
    """Each kind, the function that deletes or erases it, and its batch size."""
    said_before = now - timedelta(days=get_settings().call_records_days)
    unused_before = now - timedelta(days=KEPT_DAYS)
    return [
        *((kept.table, kept.delete, BATCH) for kept in KEPT),
        ("outgoing_event", delete_old_events, BATCH),
        ("daily_tally", delete_old_tallies, BATCH),
        ("client secrets", InboxEvent.forget_left_secrets, BATCH),
        ("words of calls", partial(Call.erase_transcripts, said_before), BATCH),
        ("bills", partial(PortDocument.forget_unused, unused_before), BATCH_OF_BILLS),
    ]


def _delete_batch(kind: str, delete: Callable[[int], int], most: int, full: list[str]) -> None:
    """Delete one batch in its own transaction, and add `kind` to `full` if more rows may remain."""
    with transaction():
        if delete(most) == most:
            full.append(kind)
