"""Old rows are deleted: jobs, stored answers, sessions, deliveries, events of the feed and reports,
each at its own age. What was said in old calls is taken out, what was in bills that no port has
used, and what an older release should not have kept.

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
PAUSE = 0.5  # seconds between batches, for others to work in


@job(queue="periodic", calls_out=False, attempts=3, timeout=20, formerly=("prune_jobs",))
def delete_expired_rows() -> None:
    """Delete a batch of each kind, and run again while any batch was full: a kind that cannot be
    deleted keeps no other from it.

    Also take out Stripe's client secrets that processes of an older release, which still ran beside
    this one, have kept.
    """
    scan, full = Scan("old rows not deleted"), list[str]()
    for kind, delete, most in _deletions(real_now()):
        scan.tries(kind, partial(_delete_batch, kind, delete, most, full))
    if full:
        raise Snooze("there is more to delete", PAUSE)
    scan.end()


def _deletions(now: datetime) -> list[tuple[str, Callable[[int], int], int]]:
    """What is deleted, or taken out, and how many at once."""
    said_before = now - timedelta(days=get_settings().call_records_days)
    unused_before = now - timedelta(days=KEPT_DAYS)
    return [
        *((kept.table, kept.delete, BATCH) for kept in KEPT),
        ("outgoing_event", delete_old_events, BATCH),
        ("daily_tally", delete_old_tallies, BATCH),
        ("client secrets", InboxEvent.forget_left_secrets, BATCH),
        ("words of calls", partial(Call.forget_said, said_before), BATCH),
        ("bills", partial(PortDocument.forget_unused, unused_before), BATCH_OF_BILLS),
    ]


def _delete_batch(kind: str, delete: Callable[[int], int], most: int, full: list[str]) -> None:
    """Delete one batch in its own transaction; `full` gets the kind of which there may be more."""
    with transaction():
        if delete(most) == most:
            full.append(kind)
