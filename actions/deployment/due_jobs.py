"""The jobs that move a deployment on: claimed by a repeated request while no worker has begun them,
and made due at once for a client that does not want to wait for the next attempt.
"""

from actions.deployment.progress import current_job, current_step
from delivery.perform_now import take_due
from models.delivery.staged_job import request_rerun_of_running, reschedule
from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine

OF_A_LINE = ("purchase_number", "release_number")


def claim_due_jobs(deployment_id: str) -> list[int | None]:
    """Claim the due jobs of the current step and of the number it waits for, for the caller to
    perform after its commit. Needs an open transaction.
    """
    deployment = Deployment.get_by_id(deployment_id)
    step = current_step(deployment)
    if step is None:
        return []
    line = PhoneLine.of(deployment.account_id)
    of_line = [take_due(name, line.id) for name in OF_A_LINE] if line is not None else []
    return [take_due(current_job(deployment), step.id), *of_line]


def make_due_now(deployment: Deployment) -> None:
    """Make the jobs of the current step and of the number it waits for due now, even if they are
    being rescheduled right now. Needs an open transaction.
    """
    step, line = current_step(deployment), PhoneLine.of(deployment.account_id)
    waits_for = [(current_job(deployment), step.id)] if step is not None else []
    waits_for += [(name, line.id) for name in OF_A_LINE] if line is not None else []
    for about in waits_for:
        request_rerun_of_running("name = ? AND key = ?", about)
        reschedule("name = ? AND key = ?", about)
