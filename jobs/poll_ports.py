"""Check every open port request, whether or not Twilio has reported on it.

Twice is harmless: it wakes waiting deployments, and each records what it sees.
"""

from actions.deployment.numbers.ports import settle_abandoned_ports, stage_port_checks
from delivery.attempt import recording
from delivery.registry import job


@job(queue="periodic", calls_out=True, attempts=3, timeout=20)
def poll_ports() -> None:
    """Have every deployment that waits for a port check it, and settle port requests that were left
    over.
    """
    settle_abandoned_ports()
    with recording():
        stage_port_checks()
