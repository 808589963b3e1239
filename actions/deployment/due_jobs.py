"""What of a deployment is due and was begun by nobody: for whoever asks again while workers are
busy or away.
"""

from actions.deployment.progress import current_step, stages_of
from delivery.perform_now import take_due
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
