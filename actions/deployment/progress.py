"""How a deployment moves from step to step, and back again when one fails, and its progress
messages.

Every function here needs an open transaction in which the deployment is locked.
"""

from datetime import datetime
from typing import Any

from actions.deployment.step import (
    Done,
    Fail,
    Json,
    Plan,
    Run,
    Skip,
    StepKind,
    UndoPlan,
    Wait,
)
from actions.deployment.steps.by_name import STEP_KINDS
from effects.kinds import kind_of
from models.accounts.account import Account
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage_again
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentEvent, DeploymentStep
from models.deployment.setup import Setup
from models.effects.effect import Effect
from models.feed.emit import emit
from rules.deployment.saga import State, next_to_do, next_to_undo
from rules.deployment.setup_messages import DEPLOYING
from runtime.clock import real_now
from runtime.log import get_log

log = get_log("deployment")

DOING = frozenset({"queued", "running", "payment_action_required", "awaiting_port"})
CHANGED = "The way calls arrive was changed during the deployment."
END_MESSAGES = {
    "live": "System is now live! ✓",
    "rolled_back": "Deployment was rolled back.",
    "taken_down": "The receptionist was taken down.",
}


def locked_run(step_id: str) -> Run:
    """Return the step with all rows it is about, and lock its deployment until the transaction
    ends.
    """
    found = DeploymentStep.get_by_id(step_id)
    deployment = Deployment.locked(found.deployment_id)
    steps = DeploymentStep.of(deployment.id)
    now = real_now()
    return Run(
        Account.get_by_id(deployment.account_id),
        deployment,
        next(step for step in steps if step.id == step_id),
        steps,
        Setup.locked_for(deployment.account_id, now),
        now,
    )


def is_due(run: Run) -> bool:
    """Whether this step is the next one to do."""
    return run.deployment.status in DOING and next_to_do(_states(run)) == run.step.name


def is_to_undo(run: Run) -> bool:
    """Whether this step is the next one to undo."""
    is_going_back = run.deployment.status == "rolling_back"
    return is_going_back and next_to_undo(_states(run)) == run.step.name


def current_step(deployment: Deployment) -> DeploymentStep | None:
    """Return the step that is being done or undone, or None."""
    steps = DeploymentStep.of(deployment.id)
    states = [State(step.name, step.state) for step in steps]
    going_back = deployment.status == "rolling_back"
    name = next_to_undo(states) if going_back else next_to_do(states)
    return next((step for step in steps if step.name == name), None)


def current_job(deployment: Deployment) -> str:
    """Return the name of the job that moves the deployment on."""
    return "undo_deployment_step" if deployment.status == "rolling_back" else "deploy_account"


def _states(run: Run) -> list[State]:
    return [State(step.name, step.state) for step in run.steps]


def kind_of_step(step: DeploymentStep) -> StepKind:
    """Return the step's definition."""
    return STEP_KINDS[step.name]


def changed_meanwhile(run: Run) -> Fail | None:
    """Return a failure if the clinic has since configured another way for calls to arrive."""
    if run.setup.phone_integration_method == run.deployment.method:
        return None
    return Fail("configuration_changed", CHANGED, "Deploy again with the current configuration.")


def begin_step(run: Run) -> None:
    """Mark the step as running, and tell watchers once."""
    if run.step.state == "waiting":
        saying = kind_of_step(run.step).saying
        run.step.record(state="running", started_at=run.now, message=saying)
        add_progress_event(run.deployment, saying, run.now, run.step)
    if run.deployment.status == "queued":
        run.deployment.record(run.now, status="running", message=DEPLOYING)


def end_step(run: Run, state: str, message: str, made: dict[str, Any]) -> None:
    """Mark the step as done or skipped, and stage the next one."""
    now = real_now()
    run.step.record(
        state=state,
        message=message,
        made=run.step.made | made,
        error="",
        error_code="",
        started_at=run.step.started_at or now,
        finished_at=now,
    )
    add_progress_event(run.deployment, message, now, run.step)
    if run.deployment.status in {"payment_action_required", "awaiting_port"}:
        run.deployment.record(now, status="running", message=DEPLOYING)
    advance(run.deployment, run.steps)


def hold_step(run: Run, waiting: Wait) -> None:
    """Record that the step waits for something outside; tell watchers only when that is new."""
    if (run.step.message, run.deployment.status) == (waiting.why, waiting.status):
        return
    run.step.record(message=waiting.why)
    was = run.deployment.status
    message = DEPLOYING if waiting.status == "running" else waiting.why
    run.deployment.record(run.now, status=waiting.status, message=message)
    add_progress_event(run.deployment, waiting.why, run.now, run.step)
    if waiting.asks_clinic or waiting.status == "payment_action_required" != was:
        emit(run.account.id, "deployment.action_required", *payload_and_subject(run.deployment))


def apply_plan(run: Run, plan: Plan) -> None:
    """Carry out a plan that sends nothing outside. Raises TypeError for an effect."""
    kind = kind_of_step(run.step)
    match plan:
        case Done():
            end_step(run, "done", plan.message or f"{kind.saying} ✓", plan.made)
        case Skip():
            end_step(run, "skipped", plan.why, {})
        case Wait():
            hold_step(run, plan)
        case Fail():
            fail_step(run, plan)
        case _:
            raise TypeError(f"Step {run.step.name} planned {plan!r} where nothing may be sent.")


def record_answer(run: Run, effect: Effect, answer: Json | None) -> None:
    """Record what the step's effect made, or, if `answer` is None, what its refusal means."""
    kind = kind_of_step(run.step)
    if answer is None:
        if is_due(run):  # the deployment has not been given up since
            apply_plan(run, kind.refused(run, effect))
        return
    effect.record_confirmed(answer["id"], kind_of(effect).kept(answer), real_now())
    made = kind.record(run, effect, answer)
    if is_due(run):
        end_step(run, "done", f"{kind.saying} ✓", made)
    else:  # the deployment was given up since: record it, so that it is undone too
        run.step.record(made=run.step.made | made)


def advance(deployment: Deployment, steps: list[DeploymentStep]) -> None:
    """Stage the next step, or end the deployment as live."""
    name = next_to_do([State(step.name, step.state) for step in steps])
    following = next((step for step in steps if step.name == name), None)
    if following is not None:
        stage_again("deploy_account", following.id, following.id, fair_to=deployment.account_id)
        return
    _end(deployment, "live", real_now())


def fail_step(run: Run, failure: Fail) -> None:
    """Fail the step: undo what the deployment made, or keep it if that was chosen."""
    now = real_now()
    log.error("[Receptionist] Deployment failed, may need manual cleanup", step=run.step.name)
    run.step.record(
        state="failed",
        error_code=failure.code,
        error=failure.detail or failure.title,
        message=failure.title,
        finished_at=now,
    )
    run.deployment.record(
        now,
        message=failure.title,
        error_code=failure.code,
        error=failure.detail or failure.title,
    )
    add_progress_event(run.deployment, failure.title, now, run.step)
    AuditEntry.record(
        SYSTEM,
        "deployment.step_failed",
        f"deployment:{run.deployment.id}",
        run.deployment.account_id,
        step=run.step.name,
        code=failure.code,
    )
    if run.deployment.on_failure == "keep" and _has_made(run.steps):
        _end(run.deployment, "failed", now, keeps_slot=True)
    else:
        begin_rollback(run.deployment, run.steps, now)


def _has_made(steps: list[DeploymentStep]) -> bool:
    return any(step.state == "done" and kind_of_step(step).lasts for step in steps)


def begin_rollback(deployment: Deployment, steps: list[DeploymentStep], now: datetime) -> None:
    """Start undoing the steps, last first."""
    deployment.record(now, status="rolling_back", holds_slot=True, finished_at=None)
    add_progress_event(deployment, "Undoing what was done...", now)
    undo_next(deployment, steps)


def undo_next(deployment: Deployment, steps: list[DeploymentStep]) -> None:
    """Stage the undoing of the next step, or record how the deployment ended."""
    name = next_to_undo([State(step.name, step.state) for step in steps])
    following = next((step for step in steps if step.name == name), None)
    if following is not None:
        stage_again(
            "undo_deployment_step", following.id, following.id, fair_to=deployment.account_id
        )
        return
    if deployment.goal == "taken_down":
        _end(deployment, "taken_down", real_now())
    elif any(step.state == "undone" and kind_of_step(step).lasts for step in steps):
        _end(deployment, "rolled_back", real_now())
    else:
        _end(deployment, "failed", real_now())


def begin_undo(run: Run) -> None:
    """Mark the step as being undone."""
    if run.step.state != "undoing":
        run.step.record(state="undoing")


def apply_undo(run: Run, plan: UndoPlan) -> None:
    """Carry out an undo plan that sends nothing outside. Raises TypeError for an effect."""
    if not is_to_undo(run):
        return
    match plan:
        case Done():
            end_undo(run, plan.message or kind_of_step(run.step).undo_saying)
        case Skip():
            end_undo(run, plan.why)
        case Wait():
            run.step.record(message=plan.why)
        case Fail():
            leave_to_operator(run, plan.code, plan.detail)
        case _:
            raise TypeError(f"Step {run.step.name} planned {plan!r} where nothing may be sent.")


def record_undone(run: Run, effect: Effect, answer: Json | None) -> None:
    """Record that what the step made is removed. If `answer` is None, leave it to an operator."""
    if answer is None:
        if is_to_undo(run):  # no operator has settled it since
            leave_to_operator(run, effect.error_code or "refused", effect.error or "")
        return
    kind = kind_of_step(run.step)
    effect.record_confirmed(answer["id"], kind_of(effect).kept(answer), real_now())
    words = kind.undone(run, effect, answer) or kind.undo_saying
    if is_to_undo(run):
        end_undo(run, words)


def leave_to_operator(run: Run, code: str, why: str) -> None:
    """Record that the step could not be undone, which an operator must settle; undo the rest."""
    log.error("[Receptionist] Deployment failed, may need manual cleanup", step=run.step.name)
    message = f"{run.step.name} could not be undone; support has been notified."
    run.step.record(state="undo_failed", error_code=code, error=why, message=message)
    add_progress_event(run.deployment, message, real_now(), run.step)
    AuditEntry.record(
        SYSTEM,
        "deployment.undo_failed",
        f"deployment:{run.deployment.id}",
        run.account.id,
        step=run.step.name,
        code=code,
    )
    undo_next(run.deployment, run.steps)


def end_undo(run: Run, message: str) -> None:
    """Mark the step as undone (an empty `message`: there was nothing to undo), and stage the one
    before it.
    """
    now = real_now()
    was_there = bool(message)
    run.step.record(
        state="undone" if was_there else "skipped",
        finished_at=now,
        message=message or run.step.message,
    )
    if was_there:
        add_progress_event(run.deployment, message, now, run.step)
    undo_next(run.deployment, run.steps)


def _end(deployment: Deployment, status: str, now: datetime, keeps_slot: bool = False) -> None:
    message = END_MESSAGES.get(status, END_MESSAGES["rolled_back"])
    if status in {"failed", "rolled_back"} and deployment.error:
        message = deployment.message
    deployment.record(now, status=status, holds_slot=keeps_slot, finished_at=now, message=message)
    add_progress_event(deployment, message, now)
    if status == "live":
        account_id = deployment.account_id
        stage_again("tidy_receptionist", deployment.id, deployment.id, fair_to=account_id)
        emit(deployment.account_id, "deployment.live", *payload_and_subject(deployment))
    elif status == "taken_down":
        Deployment.record_earlier_taken_down(deployment, now)
    else:
        emit(deployment.account_id, "deployment.failed", *payload_and_subject(deployment))
    AuditEntry.record(
        SYSTEM,
        f"deployment.{status}",
        f"deployment:{deployment.id}",
        deployment.account_id,
        code=deployment.error_code,
    )


def payload_and_subject(deployment: Deployment) -> tuple[dict[str, str], str]:
    """Return a deployment's payload and subject for the feed."""
    payload = {
        "deploymentId": deployment.id,
        "status": deployment.status,
        "code": deployment.error_code,
        "message": deployment.message,
    }
    return payload, f"deployment:{deployment.id}"


def add_progress_event(
    deployment: Deployment, message: str, now: datetime, step: DeploymentStep | None = None
) -> None:
    """Add an event to the deployment's progress, which clients follow."""
    name, state = (step.name, step.state) if step is not None else ("", deployment.status)
    DeploymentEvent.record(deployment.id, name, state, message, now)
