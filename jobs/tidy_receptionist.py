"""Delete what a deployed receptionist no longer uses: the search tool if its documents are all
deleted, and documents that the search tool still needed.

Twice is harmless: the tool is given up in the transaction that decides, so that another deployment
creates its own, and an object that no longer exists counts as deleted.
"""

from actions.deployment.tidy_receptionist import plan_tidying, record_tidied
from delivery.attempt import recording
from delivery.registry import job
from effects.perform import perform
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def tidy_receptionist(deployment_id: str) -> None:
    """Tidy up after deployment `deployment_id`."""
    with transaction():
        effect = plan_tidying(deployment_id)
    if effect is None:
        return
    answer = perform(effect)
    if answer is not None:
        with recording():
            record_tidied(effect, answer)
