"""Objects that a deployment makes at Twilio once and keeps. Later deployments leave them unchanged;
undoing the deployment that made them, or a take-down, removes them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from actions.deployment.step import Json, Plan, Run, Skip, UndoPlan
from actions.deployment.step_effects import reserve_step_effect
from effects.kind import Kind
from models.deployment.installation import tagged
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.errors import none_if_missing
from providers.twilio.refusals import NOT_FOUND

THERE = "{what} already exists."


@dataclass(frozen=True, slots=True)
class TwilioObject:
    """One object at Twilio. `name` is the name of its row, `what` its name in messages."""

    name: str
    what: str
    create: Kind
    delete: Kind
    read: Callable[[str], Json]

    def look(self, run: Run) -> Json:
        """Return {gone: its id} if it was removed by hand at Twilio."""
        made = Resource.named(run.account.id, self.name)
        if made is None or none_if_missing(NOT_FOUND, self.read, made.provider_id) is not None:
            return {}
        return {"gone": made.provider_id}

    def plan(self, run: Run, seen: Json, **request: str) -> Plan:
        """Make the object, unless it exists."""
        made = Resource.named(run.account.id, self.name)
        if made is not None and made.provider_id == seen.get("gone"):
            made.record(run.now, state="released")
            made = None
        if made is not None:
            return Skip(THERE.format(what=self.what))
        return reserve_step_effect(
            run, self.create, {"tag": tagged(run.step.id)} | request, self._reason
        )

    def record(self, run: Run, _effect: Effect, answer: Json) -> Json:
        """Record that it was made."""
        run.keep("twilio", self.name, answer["id"])
        return {"id": answer["id"]}

    def undo(self, run: Run) -> UndoPlan:
        """Remove it if this deployment made it, or if this is a take-down."""
        made = Resource.named(run.account.id, self.name)
        is_ours = made is not None and made.deployment_id == run.deployment.id
        if made is None or not (is_ours or run.deployment.goal == "taken_down"):
            return Skip("")
        return reserve_step_effect(
            run, self.delete, {"sid": made.provider_id}, "the deployment is undone"
        )

    def undone(self, run: Run, effect: Effect, _answer: Json) -> None:
        """Record that it is removed."""
        made = Resource.named(run.account.id, self.name)
        if made is not None and made.provider_id == effect.request["sid"]:
            made.record(run.now, state="released")

    @property
    def _reason(self) -> str:
        return f"{self.what.lower()} of the account"
