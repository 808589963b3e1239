"""Effects in doubt whose job has given up are looked up in the provider's own record, one job for each.

Twice is harmless: looking changes nothing at the provider, and only what is found is acted upon, by
replaying the job that the effect belongs to.
"""

from datetime import timedelta

from delivery.attempt import recording
from delivery.registry import job
from delivery.stage import stage
from effects.settle import look_again
from models.audit_entry import SYSTEM
from models.effect import Effect
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=10)


@job(queue="periodic", attempts=3, timeout=20)
def reconcile_effects() -> None:
    """Stage a look at each doubtful effect, oldest first; the hour is part of the key."""
    now = real_now()
    quiet = Effect.select().where(Effect.state.in_(("sending", "unknown")), Effect.created_at < now - QUIET, Effect.last_sent_at < now - QUIET)
    with recording():
        for effect in quiet.order_by(Effect.created_at).limit(BATCH):
            stage(reconcile_effect, f"{effect.id}:{now:%Y%m%d%H}", effect.id)


@job(queue="periodic", attempts=3, timeout=20)
def reconcile_effect(effect_id: str) -> None:
    """Look effect `effect_id` up, so that one account's trouble keeps no other effect in doubt."""
    effect = Effect.get_by_id(effect_id)
    if effect.in_doubt:
        look_again(effect, SYSTEM)
