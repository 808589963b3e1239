"""End a deployment that no job is working on any more: undo what it did, or leave it to a person.
Release what a failed deployment has kept if nobody decides for a week.

Twice is harmless: a deployment that moves, or has ended, is left alone.
"""

from actions.deployment.stuck import (
    end_stuck,
    fail_abandoned_files,
    release_abandoned_lines,
    roll_back_undecided,
)
from delivery.registry import job
from delivery.scan import Scan


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_stuck_deployments(last_id: str = "", failed: int = 0, first: str = "") -> None:
    """End deployments that are stuck or were kept for too long, free their lines, and end the files
    that they would wait for. Continues with stuck deployments after `last_id`, where an attempt
    stopped.
    """
    if not last_id:
        parts = Scan("part of the scan not done", failed, first)
        for part in (fail_abandoned_files, roll_back_undecided, release_abandoned_lines):
            parts.attempt(part.__name__, part)
        failed, first = parts.failed, parts.first
    end_stuck(last_id, failed, first)


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_more_stuck_deployments(last_id: str = "", failed: int = 0, first: str = "") -> None:
    """Continue after deployment `last_id`; staged by an earlier release."""
    end_stuck(last_id, failed, first)
