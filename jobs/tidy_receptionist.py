"""What a receptionist that went live does not use any more is taken away: the search of documents
that are all deleted, and documents that the search kept at Vapi.

Twice is harmless: the search is given up in the transaction that decides, so that another
deployment makes its own, and what is not there is taken away.
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
