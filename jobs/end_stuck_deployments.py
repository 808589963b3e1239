"""A deployment that nobody works on any more is ended: what it did is undone, or left to a person.

Twice is harmless: one that moves, or has ended, is left alone.
"""

from actions.deployment.stuck import end_stuck
from delivery.registry import job


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def end_stuck_deployments() -> None:
    """End up to a hundred deployments that are stuck."""
    end_stuck()
