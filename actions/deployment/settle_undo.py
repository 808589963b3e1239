"""Settle what a deployment could not undo, once an operator has taken care of it."""

from actions.deployment.numbers.number import release
from actions.deployment.progress import add_progress_event
from actions.deployment.steps.port.port_outcome import NAME, record_not_moved
from actions.deployment.tidy_receptionist import stage_file_deletions
from effects.deployment.objects import UNDONE
from effects.kinds import kind_of
from models.accounts.audit_entry import AuditEntry
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.effects.effect import Effect
from models.transactions import transaction
from runtime.clock import real_now
from runtime.errors import NotAllowed

DONE = "{step}: support has settled it."
# a later deployment, which has taken over the port request or the number
TAKEN_OVER = "account_id = ? AND id > ? AND (holds_slot OR status IN ('live', 'taken_down'))"


def settle_undo(deployment_id: str, name: str, why: str, actor: str) -> DeploymentStep:
    """Record that what this step made was removed, or its money refunded, by other means. Raises
    NotAllowed if nothing of the step is left to settle.
    """
    with transaction():
        deployment = Deployment.locked(deployment_id)
        steps = DeploymentStep.of(deployment.id)
        step = next((each for each in steps if each.name == name), None)
        if step is None or step.state != "undo_failed":
            left = [each.name for each in steps if each.state == "undo_failed"]
            raise NotAllowed(
                f"Deployment {deployment.id}: {name[:40]} is not among the steps that could not be"
                f" undone: {', '.join(left) or 'none'}."
            )
        now = real_now()
        step.record(state="undone", message=DONE.format(step=name), error="", error_code="")
        _release_what_it_made(step, actor)
        add_progress_event(deployment, step.message, now, step)
        AuditEntry.record(
            actor,
            "deployment.undo_settled",
            f"deployment:{deployment.id}",
            deployment.account_id,
            step=name,
            why=why,
        )
    return step


def _release_what_it_made(step: DeploymentStep, actor: str) -> None:
    """Mark what was removed as released. A number is released once more, which finds that Twilio no
    longer has it and frees the slot. A port that was cancelled by hand frees the slot too, unless a
    later deployment has taken it over.
    """
    account_id = Deployment.get_by_id(step.deployment_id).account_id
    if step.name == NAME:
        if not Deployment.has(TAKEN_OVER, account_id, step.deployment_id):
            record_not_moved(account_id)
        return
    line, removed = PhoneLine.of(account_id), _removed_ids(step, account_id)
    for made in Resource.all("account_id = ? AND state = 'made'", account_id):
        if made.provider_id in removed:
            made.record(real_now(), state="released")
    stage_file_deletions(account_id)  # those that a search kept
    if line is not None and line.vapi_id in removed:
        line.record(real_now(), vapi_id=None)
    if line is not None and line.state == "releasing" and line.id == step.made.get("lineId"):
        line.record(real_now(), error_code="", error="")
        release(line, actor)


def _removed_ids(step: DeploymentStep, account_id: str) -> set[str]:
    """Return the provider ids of what the step made, and of what its undoing tried to remove."""
    effects = Effect.all("account_id = ? AND key LIKE ?", account_id, f"%:{step.id}%")
    removals = [each for each in effects if kind_of(each).recorded_by == UNDONE]
    named = [each.request.get(kind_of(each).target_field) for each in removals]
    return {each for each in (*step.made.values(), *named) if isinstance(each, str)}
