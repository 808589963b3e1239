"""Undo one step of a deployment, and stage undoing the step before it.

Twice is harmless: a step that is undone already, or is not the one to undo now, is left alone. What
the step might have sent without an answer is looked up first, so that no unknown object is left
behind.
"""

from actions.deployment.open_effects import settle_open_effects
from actions.deployment.progress import (
    apply_undo,
    begin_undo,
    is_to_undo,
    kind_of_step,
    locked_run,
    record_undone,
)
from actions.deployment.step import Wait
from delivery.attempt import Snooze, recording
from delivery.registry import job
from effects.perform import perform
from models.effects.effect import Effect
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def undo_deployment_step(step_id: str) -> None:
    """Undo the step of row `step_id`, if it is the one to undo now."""
    with transaction():
        run = locked_run(step_id)
        if not is_to_undo(run):
            return
        begin_undo(run)
    settle_open_effects(step_id)
    with transaction():
        run = locked_run(step_id)
        if not is_to_undo(run):
            return
        plan = kind_of_step(run.step).undo(run)
    if isinstance(plan, Effect):
        answer = perform(plan, asked_at=plan.created_at)
        with recording():
            record_undone(locked_run(step_id), plan, answer)
        return
    if isinstance(plan, Wait) and plan.seconds:
        raise Snooze(plan.why, plan.seconds)
    with recording():
        apply_undo(locked_run(step_id), plan)
