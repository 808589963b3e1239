"""Deployments: what could not be undone, and waits for a person."""

from bin.commands.checks.finding import Finding, judged
from models.deployment.deployment_step import DeploymentStep

# what a later deployment has taken over is nobody's task any more; money that was kept is
LEFT = (
    "state = 'undo_failed' AND (name = 'charge' OR NOT EXISTS (SELECT 1 FROM deployment own JOIN"
    " deployment later ON later.account_id = own.account_id AND later.id > own.id WHERE own.id ="
    " deployment_step.deployment_id AND later.status IN ('live', 'taken_down')))"
    " ORDER BY deployment_id, position LIMIT 6"
)
ADVICE = (
    "GET /api/deployments/{id} says what each could not take away, and why. Take it away at the"
    " provider by hand, or give the fee back there; see docs/operations/deployments.md."
)
SHOWN = 5


def check_deployments() -> Finding:
    """Whether a provider refused, or was away for hours, as something was taken away."""
    left = DeploymentStep.all(LEFT)
    named = ", ".join(f"{step.name} of {step.deployment_id}" for step in left[:SHOWN])
    more = " and more" if len(left) > SHOWN else ""
    return judged(bool(left), "deployments not undone", f"{named}{more}" or "none", ADVICE, "warn")
