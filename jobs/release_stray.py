"""What belongs to nobody is taken away at its provider, because a person has asked for it.

Twice is harmless: a stray that is not to be released any more is left alone, as is what has become
somebody's meanwhile, and what is not there any more has been taken away.
"""

from actions.deployment.strays.release_stray import look_at, plan_release, record_released
from delivery.attempt import recording
from delivery.registry import job
from effects.perform import perform
from models.deployment.resource import Stray
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=10, timeout=20)
def release_stray(stray_id: str) -> None:
    """Take the stray of row `stray_id` away."""
    seen = look_at(Stray.get_by_id(stray_id))
    with transaction():
        effect = plan_release(Stray.locked(stray_id), seen)
    if effect is None:
        return
    answer = perform(effect)
    with recording():
        record_released(Stray.locked(stray_id), effect, answer)
