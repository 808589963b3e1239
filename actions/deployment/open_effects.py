"""What a step sent and does not know the end of: looked for before the step is undone."""

from actions.deployment.progress import kind_of_step, locked_run
from effects.kinds import kind_of
from effects.perform import is_settled, reconcile
from models.base import transaction
from models.effects.effect import Effect
from runtime.clock import real_now
from runtime.errors import NotYet


def settle_open_effects(step_id: str) -> None:
    """End the doubt about what was sent for the step: what is found is the step's, so that it is
    undone; what was never sent will not be.

    Raises ProviderError while the provider's record cannot be read, and NotYet while it may not
    show yet what it was asked for.
    """
    with transaction():
        run = locked_run(step_id)
        open_ones = Effect.all(
            "account_id = ? AND state IN ('sending', 'unknown') AND key LIKE ?",
            run.account.id,
            f"%:{step_id}%",
        )
    for effect in open_ones:
        kind = kind_of(effect)
        if kind.recorded_by != "deploy_account":
            continue
        found = reconcile(effect) if effect.sent_at is not None else None
        if found is None and effect.sent_at is not None and not is_settled(effect):
            raise NotYet(
                f"Effect {effect.id} was sent a moment ago; the provider's record is read again"
                " before its step is undone."
            )
        with transaction():
            now = real_now()
            run = locked_run(step_id)
            if found is None:
                effect.record_refused("not_made", "It was not made, and its step is undone.", now)
                continue
            effect.record_confirmed(found["id"], kind.kept(found), now)
            run.step.record(made=run.step.made | kind_of_step(run.step).record(run, effect, found))
