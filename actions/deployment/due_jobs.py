"""The jobs that move a deployment on: taken by whoever asks again while workers are busy or away,
and hurried for whoever does not want to wait for the next attempt.
"""

from actions.deployment.progress import current_step, stages_of
from delivery.perform_now import take_due
from models.delivery.staged_job import reschedule, want_running_again
from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine

OF_A_LINE = ("purchase_number", "release_number")


def take_due_jobs(deployment_id: str) -> list[int | None]:
    """The job of the step that is done or undone now, and that of the number it waits for, where
    they are due, taken for the caller to perform after its commit; needs an open transaction.
    """
    deployment = Deployment.get_by_id(deployment_id)
    step = current_step(deployment)
    if step is None:
        return []
    line = PhoneLine.of(deployment.account_id)
    of_line = [take_due(name, line.id) for name in OF_A_LINE] if line is not None else []
    return [take_due(stages_of(deployment), step.id), *of_line]


def hurry(deployment: Deployment) -> None:
    """Let what is put off, or just being put off, be due now: the job of the step that is done or
    undone, and that of the number it waits for. In the open transaction.
    """
    step, line = current_step(deployment), PhoneLine.of(deployment.account_id)
    waits_for = [(stages_of(deployment), step.id)] if step is not None else []
    waits_for += [(name, line.id) for name in OF_A_LINE] if line is not None else []
    for about in waits_for:
        want_running_again("name = ? AND key = ?", about)
        reschedule("name = ? AND key = ?", about)
