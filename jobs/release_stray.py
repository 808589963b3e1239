"""Delete a stray object at its provider, at an operator's request.

Twice is harmless: a stray that is no longer to be released, or belongs to someone by now, is left
alone, and an object that no longer exists counts as deleted.
"""

from actions.deployment.strays.release_stray import fetch_stray, plan_release, record_released
from delivery.attempt import recording
from delivery.registry import job
from effects.perform import perform
from models.deployment.resource import Stray
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=10, timeout=20)
def release_stray(stray_id: str) -> None:
    """Delete the stray of row `stray_id`."""
    seen = fetch_stray(Stray.get_by_id(stray_id))
    with transaction():
        effect = plan_release(Stray.locked(stray_id), seen)
    if effect is None:
        return
    answer = perform(effect)
    with recording():
        record_released(Stray.locked(stray_id), effect, answer)
