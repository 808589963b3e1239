"""Check ports that are under way: when Twilio reports on one, and every hour.

A report decides nothing: the step that waits reads the port's state from Twilio.
"""

from datetime import datetime

from actions.deployment.progress import add_progress_event, current_step, kind_of_step
from actions.deployment.step import Json
from actions.deployment.steps.port.port_outcome import KEPT, NAME, record_end
from effects.deployment.twilio.port import find_end
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage_again
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.transactions import transaction
from providers.errors import ProviderError
from rules.deployment.porting import TEXTS_AFTER
from runtime.clock import real_now
from runtime.log import get_log

BATCH = 500
AT_ONCE = 5  # each takes one or two requests
LEFT = "state = 'undo_failed' AND name = ? ORDER BY id"
WAITING = "status = 'awaiting_port' AND id > ? ORDER BY id LIMIT ?"

log = get_log("deployment")


def stage_port_check(port_sid: str, number: str) -> bool:
    """Stage the deployment that waits for this port request or number. Return whether there is one.
    Needs an open transaction.
    """
    request = Resource.one("provider = 'twilio' AND provider_id = ?", port_sid)
    line = PhoneLine.holder(number) if request is None and number else None
    account_id = request.account_id if request is not None else line and line.account_id
    waiting = Deployment.under_way(account_id) if account_id else None
    return (
        waiting is not None and waiting.status == "awaiting_port" and _stage_waiting_step(waiting)
    )


def stage_port_checks() -> None:
    """Stage every deployment that waits for a port, and enable texts on numbers that moved some
    time ago. Needs an open transaction.
    """
    last = ""
    while batch := Deployment.all(WAITING, last, BATCH):
        for waiting in batch:
            _stage_waiting_step(waiting)
        last = batch[-1].id
    now = real_now()
    for line in PhoneLine.without_texts():
        moved = line.wanted.get("ported")
        if moved and now - datetime.fromisoformat(moved) >= TEXTS_AFTER:
            line.record(now, text_live=True)


def settle_abandoned_ports() -> None:
    """Settle ports that could not be cancelled: once one is over, its line is free; if the number
    has moved, it is the account's. Call it outside a transaction. A port that Twilio does not
    report on is retried the next time.
    """
    left = DeploymentStep.all(LEFT, NAME)
    first = int(real_now().timestamp()) // 3600 * AT_ONCE % max(1, len(left))
    for step in (left[first:] + left[:first])[:AT_ONCE]:  # by turns, so that none is starved
        account_id = Deployment.get_by_id(step.deployment_id).account_id
        request, line = Resource.named(account_id, NAME), PhoneLine.of(account_id)
        number = (line and line.e164) or ""
        if Deployment.under_way(account_id) is not None:
            continue  # that deployment has taken the request over
        try:
            end = find_end(request.provider_id, number) if request is not None else {}
        except ProviderError as error:
            log.warning("uncancelled port not read", step=step.id, reason=str(error))
            continue
        if end is not None:
            _end(step, account_id, end)


def _end(step: DeploymentStep, account_id: str, end: Json) -> None:
    with transaction():
        deployment = Deployment.locked(step.deployment_id)
        step = DeploymentStep.get_by_id(step.id)
        if step.state != "undo_failed" or Deployment.under_way(account_id) is not None:
            return
        moved = record_end(account_id, end) if end else None
        words = (
            KEPT.format(number=moved.e164) if moved is not None else kind_of_step(step).undo_saying
        )
        step.record(state="undone", message=words, error="", error_code="")
        add_progress_event(deployment, words, real_now(), step)
        AuditEntry.record(
            SYSTEM,
            "deployment.undo_settled",
            f"deployment:{deployment.id}",
            account_id,
            step=step.name,
            why=words,
        )


def _stage_waiting_step(waiting: Deployment) -> bool:
    step = current_step(waiting)
    if step is None:
        return False
    stage_again("deploy_account", step.id, step.id, fair_to=waiting.account_id)
    return True
