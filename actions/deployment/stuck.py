"""End deployments that nothing moves on any more: a job has used up its attempts, or a cardholder
never came back.
"""

from datetime import timedelta
from functools import partial

from actions.deployment.numbers.number import has_given_up, release
from actions.deployment.progress import (
    add_progress_event,
    begin_rollback,
    current_job,
    current_step,
    fail_step,
    leave_to_operator,
    locked_run,
)
from actions.deployment.step import Fail, Run
from delivery.scan import Scan, try_each
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.base import to_micros
from models.delivery.stage import stage_again
from models.delivery.staged_job import StagedJob, find_staged
from models.deployment.deployment import KEPT_FOR, Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.transactions import transaction
from runtime.clock import real_now

CARDHOLDER_WITHIN = timedelta(hours=24)
BATCH = 100
UNFINISHED = (
    "status IN ('queued', 'running', 'payment_action_required', 'rolling_back')"
    " AND id > ? ORDER BY id LIMIT ?"
)
KEPT = "status = 'failed' AND holds_slot AND finished_at < ? AND id > ? ORDER BY id LIMIT ?"
RESERVED = (
    "state = 'reserved' AND step_id = '' AND NOT EXISTS (SELECT 1 FROM staged_job j WHERE"
    " j.name = 'purchase_number' AND j.key = phone_line.id AND j.state IN ('waiting',"
    " 'running')) AND id > ? ORDER BY id LIMIT ?"
)
UNREAD = (
    "state IN ('waiting', 'processing') AND NOT EXISTS (SELECT 1 FROM staged_job j WHERE j.name"
    " IN ('upload_knowledge_file', 'follow_knowledge_file') AND j.key = knowledge_file.id AND"
    " j.state IN ('waiting', 'running')) AND id > ? ORDER BY id LIMIT ?"
)
GAVE_UP = "Deployment failed. We tried for hours and could not finish it."
GIVEN_BACK = "No decision was made within a week, so the deployment is rolled back."
NOT_READ = "We tried for a long time and could not finish it. Delete it, and upload it again."
TOO_LATE = "The payment was not confirmed within a day."


def end_stuck(after: str = "", failed: int = 0, first: str = "") -> None:
    """End every stuck deployment with an id after `after`, each in its own transaction, so that one
    that cannot be ended does not block the others. Raises Snooze with the arguments of the next
    attempt, and SomeFailed at the end.
    """
    scan = Scan("stuck deployments not ended", failed, first)
    while rows := Deployment.all(UNFINISHED, after, BATCH):
        for deployment in rows:
            scan.attempt(deployment.id, partial(_end_if_stuck, deployment.id))
        after = rows[-1].id
        scan.snooze_if_long(after)
    scan.end()


def roll_back_undecided() -> None:
    """Roll back failed deployments that were kept and not decided on in time: what they keep costs
    money, and the account cannot deploy again. Raises SomeFailed at the end.
    """
    long_ago = to_micros(real_now() - KEPT_FOR)
    try_each(
        "kept deployment not given back",
        lambda last: Deployment.all(KEPT, long_ago, last, BATCH),
        _roll_back_kept,
    )


def _roll_back_kept(deployment: Deployment) -> None:
    with transaction():
        fresh = Deployment.locked(deployment.id)
        if fresh.status != "failed" or not fresh.holds_slot:
            return
        subject = f"deployment:{fresh.id}"
        AuditEntry.record(SYSTEM, "deployment.kept_too_long", subject, fresh.account_id)
        add_progress_event(fresh, GIVEN_BACK, real_now())
        begin_rollback(fresh, DeploymentStep.of(fresh.id), real_now())


def _end_if_stuck(deployment_id: str) -> None:
    with transaction():
        deployment = Deployment.locked(deployment_id)
        _end_or_wake(deployment, current_step(deployment))


def _end_or_wake(deployment: Deployment, step: DeploymentStep | None) -> None:
    if step is None:
        return
    run = locked_run(step.id)
    if deployment.status == "payment_action_required":
        _end_if_unconfirmed(run)
        return
    job = find_staged(current_job(deployment), step.id)
    line_job = _job_of_line(run.step.made.get("lineId", ""), deployment.status == "rolling_back")
    dead = next((each for each in (job, line_job) if each and each.state == "dead"), None)
    if dead is None:
        if line_job is None and (job is None or job.state in {"done", "cancelled"}):
            _wake(run)
        return
    why = dead.last_error or "the job gave up"
    if deployment.status == "rolling_back":
        leave_to_operator(run, "gave_up", why)
    else:
        fail_step(run, Fail("gave_up", GAVE_UP, why))


def _end_if_unconfirmed(run: Run) -> None:
    """Fail the charge a day after the cardholder was asked, but read it from Stripe once more
    first, because a report can be lost.
    """
    if real_now() - run.deployment.updated_at <= CARDHOLDER_WITHIN:
        return
    if run.step.made.get("askedAgain"):
        fail_step(run, Fail("authentication_expired", TOO_LATE))
        return
    run.step.record(made=run.step.made | {"askedAgain": True})
    stage_again("deploy_account", run.step.id, run.step.id, fair_to=run.account.id)


def _wake(run: Run) -> None:
    """Stage the step that is due again: no job is working on it."""
    if run.deployment.status == "rolling_back":
        stage_again("undo_deployment_step", run.step.id, run.step.id, fair_to=run.account.id)
    else:
        stage_again("deploy_account", run.step.id, run.step.id, fair_to=run.account.id)


def release_abandoned_lines() -> None:
    """Release the lines of stand-alone purchases whose job gave up; a number that was bought anyway
    is found and released. Raises SomeFailed at the end.
    """
    try_each(
        "line not freed", lambda last: PhoneLine.all(RESERVED, last, BATCH), _release_if_given_up
    )


def _release_if_given_up(line: PhoneLine) -> None:
    with transaction():
        fresh = PhoneLine.locked(line.id)
        if fresh.state == "reserved" and has_given_up(fresh):
            release(fresh, SYSTEM)


def fail_abandoned_files() -> None:
    """Fail the knowledge files whose job gave up, so that no deployment waits for them. Raises
    SomeFailed at the end.
    """
    try_each("file not ended", lambda last: KnowledgeFile.all(UNREAD, last, BATCH), _end_file)


def _end_file(file: KnowledgeFile) -> None:
    with transaction():
        fresh = KnowledgeFile.locked(file.id)
        if fresh.state == file.state:
            fresh.record(real_now(), state="failed", error=NOT_READ, content=None)


def _job_of_line(line_id: str, goes_back: bool) -> StagedJob | None:
    """Return the job of the number that the step waits for: its purchase, or, when going back, its
    release.
    """
    line = PhoneLine.one("id = ?", line_id)
    name, state = ("release_number", "releasing") if goes_back else ("purchase_number", "reserved")
    return find_staged(name, line.id) if line is not None and line.state == state else None
