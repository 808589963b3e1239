"""Deployments: what could not be undone, and what has waited too long for a decision or a port."""

from collections.abc import Iterator
from datetime import timedelta

from bin.commands.checks.finding import Finding, judged
from models.base import to_micros
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.resource import Stray
from runtime.clock import real_now

# a later deployment takes over what an earlier one left, but not a fee that was not refunded
LEFT = (
    "state = 'undo_failed' AND (name = 'charge' OR NOT EXISTS (SELECT 1 FROM deployment own JOIN"
    " deployment later ON later.account_id = own.account_id AND later.id > own.id WHERE own.id ="
    " deployment_step.deployment_id AND later.status IN ('live', 'taken_down')))"
    " ORDER BY deployment_id, position LIMIT 6"
)
ADVICE = (
    "GET /api/deployments/{id} shows what each could not remove, and why. Remove it at the provider"
    " by hand, or refund the fee there, then run bin/payphone deployments settle; see"
    " docs/operations/deployments.md."
)
KEPT = "status = 'failed' AND holds_slot AND finished_at < ? ORDER BY finished_at LIMIT 6"
KEPT_ADVICE = (
    "They failed and keep what they bought, which costs money; the clinic cannot deploy again. Ask"
    " the clinic: POST …/retry continues, POST …/rollback undoes everything. After a week they are"
    " rolled back automatically."
)
STRAYS_ADVICE = (
    "bin/payphone strays list shows them. An orphan can cost money until an operator releases it;"
    " deploying again creates what is missing."
)
SLOW = "status = 'awaiting_port' AND created_at < ? ORDER BY created_at LIMIT 6"
SLOW_ADVICE = (
    "GET /api/deployments/{id} shows each port's state at Twilio. Ask the clinic's carrier, or"
    " Twilio's porting team; POST …/rollback cancels it and refunds the fee."
)
A_DAY, A_MONTH = timedelta(days=1), timedelta(days=30)
SHOWN = 5


def check_deployments() -> Iterator[Finding]:
    """Check for steps that could not be undone, failed deployments kept for over a day, and ports
    that take over a month.
    """
    left = [f"{step.name} of {step.deployment_id}" for step in DeploymentStep.all(LEFT)]
    yield judged(bool(left), "deployments not undone", _named(left), ADVICE, "warn")
    kept = [
        f"{row.id} until {row.kept_until:%Y-%m-%d}"
        for row in Deployment.all(KEPT, to_micros(real_now() - A_DAY))
    ]
    yield judged(bool(kept), "failed deployments kept", _named(kept), KEPT_ADVICE, "warn")
    slow = [
        f"{row.id} since {row.created_at:%Y-%m-%d}"
        for row in Deployment.all(SLOW, to_micros(real_now() - A_MONTH))
    ]
    yield judged(bool(slow), "slow ports", _named(slow), SLOW_ADVICE, "warn")


def _named(found: list[str]) -> str:
    more = " and more" if len(found) > SHOWN else ""
    return f"{', '.join(found[:SHOWN])}{more}" or "none"


def check_strays() -> Finding:
    """Check for open strays that the daily scan has found."""
    rows = Stray.all("state = 'open'")
    counted = {what: sum(row.what == what for row in rows) for what in ("orphan", "missing")}
    found = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
    return judged(bool(rows), "strays", found or "none", STRAYS_ADVICE, "warn")
