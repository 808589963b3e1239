"""A deployment that nobody works on any more is ended: what it did is undone, or left to a person.
One that failed and kept what it had done is given back when nobody has decided for a week.

Twice is harmless: one that moves, or has ended, is left alone.
"""

from actions.deployment.stuck import end_files, end_kept, end_stuck, free_lines
from delivery.registry import job
from delivery.scan import Scan


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_stuck_deployments(last_id: str = "", failed: int = 0, first: str = "") -> None:
    """End deployments that are stuck or were kept for too long, free their lines, and end the files
    that they would wait for; where an attempt has stopped, those that are stuck after `last_id`.
    """
    if not last_id:
        parts = Scan("part of the scan not done", failed, first)
        for part in (end_files, end_kept, free_lines):
            parts.tries(part.__name__, part)
        failed, first = parts.failed, parts.first
    end_stuck(last_id, failed, first)


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_more_stuck_deployments(last_id: str = "", failed: int = 0, first: str = "") -> None:
    """The same for those after deployment `last_id`, as an earlier release staged it."""
    end_stuck(last_id, failed, first)
