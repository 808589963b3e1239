"""Perform one step of a deployment, and stage the next.

Twice is harmless: a step that is over, or is not the current one, is left alone, and what it
creates at a provider is one effect, looked up by its tag before it is repeated. A deployment that
fails for good is undone, or kept for another try if that was chosen.
"""

from actions.deployment.progress import (
    apply_plan,
    begin_step,
    changed_meanwhile,
    is_due,
    kind_of_step,
    locked_run,
    record_answer,
)
from actions.deployment.step import Wait
from delivery.attempt import Snooze, recording
from delivery.registry import job
from effects.perform import perform
from models.effects.effect import Effect
from models.transactions import transaction


@job(queue="deploys", calls_out=True, attempts=16, timeout=20)
def deploy_account(step_id: str) -> None:
    """Perform the step of row `step_id`, if it is the current one."""
    with transaction():
        run = locked_run(step_id)
        if not is_due(run):
            return
        begin_step(run)
    kind = kind_of_step(run.step)
    seen = kind.look(run)
    with transaction():
        run = locked_run(step_id)
        if not is_due(run):
            return
        plan = changed_meanwhile(run) or kind.plan(run, seen)
        if isinstance(plan, Wait) and plan.seconds:
            apply_plan(run, plan)
    if isinstance(plan, Effect):
        answer = perform(plan, asked_at=run.deployment.created_at)
        with recording():
            record_answer(locked_run(step_id), plan, answer)
        return
    if isinstance(plan, Wait) and plan.seconds:
        raise Snooze(plan.why, plan.seconds)
    with recording():
        run = locked_run(step_id)
        if is_due(run):
            apply_plan(run, plan)
