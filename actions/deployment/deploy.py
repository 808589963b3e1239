"""Deploy, retry, roll back and take down, as requested by a clinic or an operator."""

from datetime import datetime
from typing import Any

from actions.deployment.card.payment_required import PaidRequest, require_payment_method
from actions.deployment.configuration.setup_facts import configured_of
from actions.deployment.due_jobs import make_due_now
from actions.deployment.progress import add_progress_event, advance, begin_rollback, kind_of_step
from actions.deployment.step import Run
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage_again
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.setup import Setup
from models.transactions import serialize_on
from rules.deployment.readiness import missing_for_deploy
from rules.deployment.saga import OVER, STEPS
from rules.deployment.setup_messages import DEPLOYING
from rules.money import in_words
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.ids import new_id
from runtime.settings import get_settings

OUTDATED = (
    "The phone settings have changed since deployment {id} was made from them: roll it back, then"
    " deploy again."
)
LATER = "This release deploys forwarded numbers only; {method} is configured and kept."


def setup_fee_due(account_id: str) -> tuple[int, str]:
    """Return what a Deploy charges now, in minor units, and the currency. Nothing is due while a
    receptionist is live, because it has been paid for.
    """
    fee, currency = get_settings().fee
    return (0 if _is_live(account_id) else fee), currency


def _is_live(account_id: str) -> bool:
    last = _last_that_went_live(account_id)
    return last is not None and last.status == "live"


def _last_that_went_live(account_id: str) -> Deployment | None:
    """Return the deployment by which the receptionist is live, or was until it was taken down,
    ignoring later ones that failed.
    """
    newest = "account_id = ? AND status IN ('live', 'taken_down') ORDER BY id DESC LIMIT 1"
    return Deployment.one(newest, account_id)


def deploy(
    account: Account,
    confirmed_cost: int,
    on_failure: str,
    wanted: dict[str, Any],
    actor: str,
    confirmed_currency: str = "",
) -> Deployment:
    """Begin a deployment of the current configuration. Needs an open transaction. `confirmed_cost`
    is in the fee's currency unless `confirmed_currency` is given.

    Raises Refused `payment_method_required`, `deployment_not_ready`, `deployment_in_progress` or
    `cost_changed`.
    """
    serialize_on(f"deployment:{account.id}")  # two requests must not both find the slot free
    now = real_now()
    setup = require_payment_method(account.id, PaidRequest.DEPLOY)
    method = _deployable(account, setup)
    _refuse_if_occupied(account.id)
    fee, currency = setup_fee_due(account.id)
    confirmed = (confirmed_cost, confirmed_currency.lower() or currency)
    if confirmed != (fee, currency) and (fee or confirmed_cost):
        raise Refused(
            "cost_changed",
            f"Deploying costs {in_words(fee, currency, 'en')} now, and"
            f" {in_words(*confirmed, 'en')} was confirmed. Check the cost preview,"
            " and confirm the amount due now.",
        )
    deployment: Deployment = Deployment.create(
        id=new_id("dep"),
        account=account,
        method=method,
        wanted=wanted,
        fee=fee,
        fee_currency=currency,
        on_failure=on_failure,
        message=DEPLOYING,
        asked_by=actor,
        created_at=now,
        updated_at=now,
    )
    steps = [
        DeploymentStep.create(id=new_id("dst"), deployment=deployment, position=position, name=name)
        for position, name in enumerate(STEPS[method])
    ]
    AuditEntry.record(
        actor, "deployment.requested", f"deployment:{deployment.id}", account.id, method=method
    )
    add_progress_event(deployment, DEPLOYING, now)
    advance(deployment, steps)
    return deployment


def _deployable(account: Account, setup: Setup) -> str:
    """Return how calls arrive. Raises Refused `deployment_not_ready` if the configuration is
    incomplete.
    """
    missing = missing_for_deploy(configured_of(account.id, setup))
    if missing:
        raise Refused("deployment_not_ready", " ".join(missing))
    method = setup.phone_integration_method or ""
    if method not in STEPS:
        raise Refused("deployment_not_ready", LATER.format(method=method))
    return method


def refuse_while_deploying(account_id: str) -> None:
    """Raises Refused `deployment_in_progress` while a deployment will use the account's line for
    the clinic's own number: a number bought now would be taken for that one.
    """
    serialize_on(f"deployment:{account_id}")
    held = Deployment.under_way(account_id)
    if held is not None and held.method != "forwarded":
        _refuse_if_occupied(account_id)


def _refuse_if_occupied(account_id: str) -> None:
    held = Deployment.under_way(account_id)
    if held is None:
        return
    if held.status == "failed":
        why = "failed and kept what it had done: retry it, or roll it back"
    else:
        why = f"is {held.status.replace('_', ' ')}: wait until it has ended"
    raise Refused("deployment_in_progress", f"Deployment {held.id} {why}, then deploy again.")


def retry(deployment: Deployment, actor: str) -> None:
    """Continue a failed deployment, or try at once what was put off. A job that is stuck gets new
    attempts. The deployment is locked.

    Raises Refused `payment_method_required`, or `deployment_over`, also if the settings behind what
    was kept have changed since.
    """
    if deployment.status != "rolling_back":
        require_payment_method(deployment.account_id, PaidRequest.RETRY)
    if deployment.status == "failed" and not deployment.holds_slot:
        raise Refused(
            "deployment_over", f"Deployment {deployment.id} kept nothing; deploy again instead."
        )
    if deployment.status not in {"failed", "queued", "running", "awaiting_port", "rolling_back"}:
        raise _over(deployment, "retried")
    now = real_now()
    steps = DeploymentStep.of(deployment.id)
    if deployment.status == "failed":
        _refuse_outdated(deployment, steps, now)
    AuditEntry.record(
        actor, "deployment.retried", f"deployment:{deployment.id}", deployment.account_id
    )
    if deployment.status == "rolling_back":
        begin_rollback(deployment, steps, now)
    else:
        _go_on(deployment, steps, now)
    make_due_now(deployment)


def _go_on(deployment: Deployment, steps: list[DeploymentStep], now: datetime) -> None:
    """Stage the step that failed or was put off."""
    for step in steps:
        if step.state == "failed":
            _reset(step)
            _repeat(kind_of_step(step).again, steps)
    if deployment.status != "awaiting_port":  # which waits for as long as the port takes
        deployment.record(
            now, status="running", message=DEPLOYING, error="", error_code="", finished_at=None
        )
        add_progress_event(deployment, DEPLOYING, now)
    advance(deployment, steps)


def _refuse_outdated(deployment: Deployment, steps: list[DeploymentStep], now: datetime) -> None:
    setup = Setup.locked_for(deployment.account_id, now)
    for step in steps:
        run = Run(deployment.account, deployment, step, steps, setup, now)
        if step.state in OVER and kind_of_step(step).is_outdated(run):
            raise Refused("deployment_over", OUTDATED.format(id=deployment.id))


def _repeat(name: str, steps: list[DeploymentStep]) -> None:
    """Reset the step of this name so that it runs once more, and, recursively, the step that it
    names in `again`.
    """
    for step in (each for each in steps if each.name == name):
        tries = step.made.get("tries", 0) + 1
        _reset(step, made=step.made | {"tries": tries})
        _repeat(kind_of_step(step).again, steps)


def _reset(step: DeploymentStep, **more: Any) -> None:
    step.record(state="waiting", error="", error_code="", message="", finished_at=None, **more)


def roll_back(deployment: Deployment, actor: str) -> None:
    """Undo what a failed deployment has kept. The deployment is locked. Raises Refused
    `deployment_over`.
    """
    if not deployment.can_be_rolled_back:
        raise _over(deployment, "rolled back")
    AuditEntry.record(
        actor, "deployment.rollback_requested", f"deployment:{deployment.id}", deployment.account_id
    )
    begin_rollback(deployment, DeploymentStep.of(deployment.id), real_now())


def take_down(deployment: Deployment, actor: str) -> None:
    """Take a live receptionist down and release its number. The deployment is locked. Raises
    Refused `deployment_over` or `deployment_in_progress`.
    """
    serialize_on(f"deployment:{deployment.account_id}")
    newest = _last_that_went_live(deployment.account_id)
    if deployment.status != "live" or newest is None:
        raise _over(deployment, "taken down")
    if newest.id != deployment.id:
        todo = ": take that one down instead" if newest.status == "live" else ""
        raise Refused(
            "deployment_over",
            f"Deployment {deployment.id} was followed by {newest.id}, which is"
            f" {newest.status.replace('_', ' ')}{todo}.",
        )
    _refuse_if_occupied(deployment.account_id)
    AuditEntry.record(
        actor,
        "deployment.take_down_requested",
        f"deployment:{deployment.id}",
        deployment.account_id,
    )
    deployment.record(real_now(), goal="taken_down", asked_by=actor)
    for step in DeploymentStep.of(deployment.id):
        # it found nothing to change, but an earlier deployment's object must be removed
        if step.state == "skipped":
            step.record(state="done")
    begin_rollback(deployment, DeploymentStep.of(deployment.id), real_now())


def _over(deployment: Deployment, what: str) -> Refused:
    status = deployment.status.replace("_", " ")
    return Refused(
        "deployment_over", f"Deployment {deployment.id} is {status}; it cannot be {what}."
    )


def resume_after_card(deployment: Deployment) -> None:
    """Stage the charge again after its cardholder has acted on it. The deployment is locked."""
    steps = DeploymentStep.of(deployment.id)
    waiting = next((step for step in steps if step.state == "running"), None)
    if deployment.status == "payment_action_required" and waiting is not None:
        stage_again("deploy_account", waiting.id, waiting.id, fair_to=deployment.account_id)
