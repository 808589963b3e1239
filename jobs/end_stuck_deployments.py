"""A deployment that nobody works on any more is ended: what it did is undone, or left to a person.
One that failed and kept what it had done is given back when nobody has decided for a week.

Twice is harmless: one that moves, or has ended, is left alone.
"""

from actions.deployment.stuck import end_files, end_kept, end_stuck, free_lines
from delivery.attempt import recording
from delivery.registry import job
from models.delivery.stage import stage_again


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_stuck_deployments() -> None:
    """End deployments that are stuck or were kept for too long, free their lines, and end the files
    that they would wait for.
    """
    end_files()
    end_kept()
    free_lines()
    _end_after("")


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_more_stuck_deployments(last_id: str) -> None:
    """The same for those after deployment `last_id`: however many run, each has its turn."""
    _end_after(last_id)


def _end_after(last_id: str) -> None:
    last = end_stuck(last_id)
    if last:
        with recording():
            stage_again("end_more_stuck_deployments", last, last, fair_to="")
