"""Every port that is under way is looked at, whether or not Twilio has reported on it.

Twice is harmless: it has deployments look that wait, and each records what it sees.
"""

from actions.deployment.numbers.ports import look_at_ports, settle_left_ports
from delivery.attempt import recording
from delivery.registry import job


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def poll_ports() -> None:
    """Have every deployment that waits for a port look at it; and end those that were left."""
    settle_left_ports()
    with recording():
        look_at_ports()
