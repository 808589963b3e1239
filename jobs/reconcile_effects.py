"""Effects in doubt whose job has given up are looked up in the provider's own record.

Twice is harmless: looking changes nothing at the provider, and only what is found is acted upon, by
replaying the job that the effect belongs to.
"""

from datetime import timedelta

from delivery.attempt import recording
from delivery.registry import job
from effects.perform import reconcile
from models.effect import Effect
from models.staged_job import StagedJob, replay_job
from runtime.clock import real_now

BATCH = 20
QUIET = timedelta(minutes=10)

OWNERS = {"payment_link": "create_payment_link", "refund": "refund_payment"}


@job(queue="periodic", attempts=3, timeout=20)
def reconcile_effects() -> None:
    """Look up to twenty doubtful effects up, oldest first; replay the dead job of each that is found."""
    doubtful = Effect.select().where(Effect.state == "unknown", Effect.created_at < real_now() - QUIET).order_by(Effect.created_at).limit(BATCH)
    found = [effect for effect in doubtful if reconcile(effect) is not None]
    with recording():
        for effect in found:
            replay_owner(effect)


def replay_owner(effect: Effect) -> bool:
    """Let the job that owns `effect` run again, if it is dead; the same key and request are used."""
    name, key = OWNERS[effect.kind], effect.key.split(":", 1)[1]
    owner = StagedJob.get_or_none((StagedJob.name == name) & (StagedJob.key == key))
    return owner is not None and replay_job(owner.id)
