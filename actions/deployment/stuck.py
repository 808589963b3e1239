"""Deployments that nobody works on any more: a job that has used up its attempts, a cardholder who
never came back.
"""

from datetime import timedelta

from actions.deployment.number import has_given_up, release
from actions.deployment.progress import (
    current_step,
    fail_step,
    leave_to_a_person,
    locked_run,
    stages_of,
)
from actions.deployment.step import Fail, Run
from models.accounts.audit_entry import SYSTEM
from models.base import transaction
from models.delivery.stage import stage_again
from models.delivery.staged_job import StagedJob, find_staged
from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine
from runtime.clock import real_now

CARDHOLDER_WITHIN = timedelta(hours=24)
BATCH = 100
UNFINISHED = "('queued', 'running', 'payment_action_required', 'rolling_back')"
GAVE_UP = "Deployment failed. We tried for hours and could not finish it."
TOO_LATE = "The payment was not confirmed within a day."


def end_stuck() -> None:
    """End every deployment that is stuck, each in a transaction of its own."""
    for deployment in Deployment.all(f"status IN {UNFINISHED} ORDER BY updated_at LIMIT ?", BATCH):
        with transaction():
            _end_if_stuck(Deployment.locked(deployment.id))
    _free_lines()


def _end_if_stuck(deployment: Deployment) -> None:
    step = current_step(deployment)
    if step is None:
        return
    run = locked_run(step.id)
    if deployment.status == "payment_action_required":
        _end_if_nobody_pays(run)
        return
    job = find_staged(stages_of(deployment), step.id)
    line_job = _of_line(run.step.made.get("lineId", ""), deployment.status == "rolling_back")
    dead = next((each for each in (job, line_job) if each and each.state == "dead"), None)
    if dead is None:
        if line_job is None and (job is None or job.state in {"done", "cancelled"}):
            _wake(run)
        return
    why = dead.last_error or "the job gave up"
    if deployment.status == "rolling_back":
        leave_to_a_person(run, "gave_up", why)
    else:
        fail_step(run, Fail("gave_up", GAVE_UP, why))


def _end_if_nobody_pays(run: Run) -> None:
    """A day after the cardholder was asked Stripe is asked once more: nobody may have told us."""
    if real_now() - run.deployment.updated_at <= CARDHOLDER_WITHIN:
        return
    if run.step.made.get("askedAgain"):
        fail_step(run, Fail("authentication_expired", TOO_LATE))
        return
    run.step.record(made=run.step.made | {"askedAgain": True})
    stage_again("deploy_account", run.step.id, run.step.id, fair_to=run.account.id)


def _wake(run: Run) -> None:
    """Nobody works on the step that is due: it is staged again."""
    if run.deployment.status == "rolling_back":
        stage_again("undo_deployment_step", run.step.id, run.step.id, fair_to=run.account.id)
    else:
        stage_again("deploy_account", run.step.id, run.step.id, fair_to=run.account.id)


def _free_lines() -> None:
    """A purchase on its own whose job gave up: what it may have bought is found and released."""
    for line in PhoneLine.all("state = 'reserved' AND step_id = '' ORDER BY id LIMIT ?", BATCH):
        with transaction():
            fresh = PhoneLine.locked(line.id)
            if fresh.state == "reserved" and has_given_up(fresh):
                release(fresh, SYSTEM)


def _of_line(line_id: str, goes_back: bool) -> StagedJob | None:
    """The job at the number that the step waits for; going back, a purchase that has given up is
    what it waits for.
    """
    line = PhoneLine.one("id = ?", line_id)
    name, state = ("release_number", "releasing") if goes_back else ("purchase_number", "reserved")
    return find_staged(name, line.id) if line is not None and line.state == state else None
