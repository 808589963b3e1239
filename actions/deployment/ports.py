"""Ports that are under way are looked at: when Twilio reports on one, and every hour all the same.

A report decides nothing: the step that waits reads at Twilio how the port stands.
"""

from datetime import datetime

from actions.deployment.progress import current_step
from models.delivery.stage import stage_again
from models.deployment.deployment import Deployment
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from rules.deployment.porting import TEXTS_AFTER
from runtime.clock import real_now

BATCH = 500
WAITING = "status = 'awaiting_port' AND id > ? ORDER BY id LIMIT ?"


def look_at_port(port_sid: str, number: str) -> bool:
    """Have the deployment look that waits for this request or number; whether one does. Needs an
    open transaction.
    """
    asked = Resource.one("provider = 'twilio' AND provider_id = ?", port_sid)
    line = PhoneLine.holder(number) if asked is None and number else None
    account_id = asked.account_id if asked is not None else line and line.account_id
    waiting = Deployment.under_way(account_id) if account_id else None
    return waiting is not None and waiting.status == "awaiting_port" and _look(waiting)


def look_at_ports() -> None:
    """Have every deployment look that waits for a port; and take texts to come to numbers that have
    moved a while ago. Needs an open transaction.
    """
    last = ""
    while batch := Deployment.all(WAITING, last, BATCH):
        for waiting in batch:
            _look(waiting)
        last = batch[-1].id
    now = real_now()
    for line in PhoneLine.without_texts(BATCH):
        moved = line.wanted.get("ported")
        if moved and now - datetime.fromisoformat(moved) >= TEXTS_AFTER:
            line.record(now, text_live=True)


def _look(waiting: Deployment) -> bool:
    step = current_step(waiting)
    if step is None:
        return False
    stage_again("deploy_account", step.id, step.id, fair_to=waiting.account_id)
    return True
