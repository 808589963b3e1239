"""Mark the receptionist as live in the account's settings and line; calls may now be forwarded to
it.
"""

from typing import Any

from actions.deployment.step import Done, Json, Plan, Run, Skip, StepKind, UndoPlan
from models.deployment.phone_line import PhoneLine
from runtime.clock import rfc3339

GONE = ("twilioForwardNumber", "setupCompletedAt")


def _plan(run: Run, _seen: Json) -> Plan:
    settings: dict[str, Any] = run.setup.phone_integration_settings
    settings |= {"setupCompletedAt": settings.get("setupCompletedAt") or rfc3339(run.now)}
    if run.deployment.method == "forwarded":
        settings |= {"twilioForwardNumber": run.made("number").get("phoneNumber")}
    run.setup.record(run.now, phone_integration_settings=settings)
    line = PhoneLine.of(run.account.id)
    if line is not None:
        forwarding = line.forwarding or (
            "awaiting_forwarding" if run.deployment.method == "forwarded" else ""
        )
        clinic = settings.get("clinicNumber") if forwarding else None
        wanted = line.wanted
        if clinic != wanted.get("forwards"):  # forwarding of another number is not confirmed yet
            forwarding = forwarding and "awaiting_forwarding"
            wanted = wanted | {"forwards": clinic, "forwardsSince": rfc3339(run.now)}
        line.record(run.now, voice_live=True, forwarding=forwarding, wanted=wanted)
    return Done(message="Your receptionist answers calls ✓")


def _undo(run: Run) -> UndoPlan:
    """Unmark it in a take-down. Undoing a redeployment leaves the earlier receptionist live."""
    if run.deployment.goal != "taken_down":
        return Skip("")
    settings = run.setup.phone_integration_settings
    left = {name: value for name, value in settings.items() if name not in GONE}
    run.setup.record(run.now, phone_integration_settings=left)
    return Done(message="The receptionist no longer answers calls.")


LIVE = StepKind(
    name="live",
    saying="Setting up your receptionist...",
    plan=_plan,
    undo=_undo,
)
