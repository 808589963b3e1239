"""Jobs done more than a month ago are forgotten, a batch at a time.

Twice is harmless: what is gone is gone. Dead jobs are kept until a person has looked.
"""

from delivery.attempt import recording
from delivery.registry import job
from models.base import execute

KEEP = 31 * 24 * 3600 * 1_000_000  # microseconds; longer than Stripe redelivers or lists an event (30 days)


@job(queue="periodic", attempts=3, timeout=20)
def prune_jobs() -> None:
    """Delete up to 5,000 rows of jobs done long ago."""
    with recording():
        execute(
            "DELETE FROM staged_job WHERE id IN "
            "(SELECT id FROM staged_job WHERE state = 'done' AND finished_at < {now} - ? ORDER BY finished_at LIMIT 5000)",
            (KEEP,),
        )
