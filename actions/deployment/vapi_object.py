"""Objects that a deployment makes at Vapi: made once, updated when a redeployment renders another
body or they were changed by hand, and removed when it is undone.

Each carries the tag of its row, whose id is that of the step that made it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from actions.deployment.step import Json, Plan, Run, Skip, UndoPlan
from actions.deployment.step_effects import reserve_step_effect
from effects.kind import Kind
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.base import to_micros
from models.deployment.deployment_step import DeploymentEvent
from models.deployment.installation import tagged
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.errors import none_if_missing
from providers.vapi.redaction import with_secret
from rules.deployment.drift import drift
from rules.deployment.rendering import digest
from runtime.log import get_log

UNCHANGED = "{what} is up to date."
CHANGED_BY_HAND = "{what} had been changed by hand at Vapi ({paths}) and was set back."
GONE_BY_HAND = "{what} had been deleted by hand at Vapi and was created again."
DRAFT = (
    "{what}: Vapi kept the change as a draft, which no caller hears. Publish it in Vapi's"
    " dashboard and deploy again."
)

CLOCKS_DIFFER = timedelta(hours=1)  # at most, of our machines

log = get_log("deployment")


@dataclass(frozen=True, slots=True)
class VapiObject:
    """One object at Vapi. `name` is the name of its row, `what` its name in messages; `needed_by`
    names the object that depends on it. `as_sent` adds the secrets that are sent with a body but
    stored in no row, so that a new secret counts as a change.
    """

    name: str
    what: str
    needed_by: str
    create: Kind
    update: Kind
    delete: Kind
    read: Callable[[str], Json]
    as_sent: Callable[[Json], Json] = with_secret

    def look(self, run: Run) -> Json:
        """Return its state at Vapi as {found}, or {} if we have made none."""
        made = Resource.named(run.account.id, self.name)
        if made is None:
            return {}
        return {"found": none_if_missing("not_found", self.read, made.provider_id)}

    def tag(self, run: Run) -> str:
        """Return the tag that it carries or will carry."""
        made = Resource.named(run.account.id, self.name)
        return tagged(run.step.id if made is None else made.id)

    def plan(self, run: Run, seen: Json, body: Json, **more: str) -> Plan:
        """Make it, update it, or leave it as it is; `more` is added to the request."""
        begun = self.begun(run)
        if begun is not None:
            return begun
        made = Resource.named(run.account.id, self.name)
        if made is not None and seen.get("found", {}) is None:
            made.record(run.now, state="released")
            self._report(run, made, "deployment.resource_gone", GONE_BY_HAND)
            made = None
        if made is None:
            request = {"tag": tagged(run.step.id), "body": body} | more
            return reserve_step_effect(run, self.create, request, self._reason)
        found = seen.get("found") or {}
        by_hand = drift(self.last_sent(made), found)
        if made.digest == digest(self.as_sent(body)) and not by_hand:
            return self._unchanged(run, made, found)
        if by_hand:
            paths = ", ".join(by_hand)
            run.step.record(made=run.step.made | {"changedByHand": by_hand})
            self._report(run, made, "deployment.drift_found", CHANGED_BY_HAND, paths=paths)
        request = {"id": made.provider_id, "tag": tagged(made.id), "body": body}
        seen_then = {"seen": found.get("updatedAt")}
        return reserve_step_effect(run, self.update, request | seen_then | more, self._reason)

    def record(self, run: Run, effect: Effect, answer: Json) -> Json:
        """Record that it was made or changed."""
        version = answer.get("version") or ""
        sent = digest(self.as_sent(effect.request["body"]))
        if effect.kind == self.create.name:
            run.keep("vapi", self.name, answer["id"], version=version, digest=sent)
            return {"id": answer["id"], "version": version}
        made = Resource.named(run.account.id, self.name)
        if made is not None:
            if version and version == made.version:
                self._report(run, made, "deployment.draft_found", DRAFT)
            made.record(run.now, version=version, digest=sent)
        return {"id": answer["id"], "version": version}

    def undo(self, run: Run) -> UndoPlan:
        """Remove it if this deployment made it, or if this is a take-down.

        It stays if an object of an earlier deployment that stays needs it by now, as an older
        receptionist needs a new tool; the next deployment then finds it.
        """
        made = Resource.named(run.account.id, self.name)
        if made is None:
            return Skip("")
        if run.deployment.goal != "taken_down" and (
            made.deployment_id != run.deployment.id
            or Resource.named(run.account.id, self.needed_by) is not None
        ):
            return Skip("")
        return reserve_step_effect(run, self.delete, {"id": made.provider_id}, self._reason)

    def undone(self, run: Run, effect: Effect, _answer: Json) -> None:
        """Record that it is removed."""
        made = Resource.named(run.account.id, self.name)
        if made is not None and made.provider_id == effect.request["id"]:
            made.record(run.now, state="released")

    def _unchanged(self, run: Run, made: Resource, found: Json) -> Skip:
        version = found.get("latestVersion")
        if isinstance(version, str) and version and version != made.version:
            made.record(run.now, version=version)  # the draft has been published since
        return Skip(UNCHANGED.format(what=self.what))

    def begun(self, run: Run) -> Effect | None:
        """Return the step's newest effect on this object that was not refused, if any. It must be
        over before the step plans anything else.
        """
        kinds = (self.create.name, self.update.name)
        where = "account_id = ? AND kind IN (?, ?) AND key LIKE ? AND state <> 'refused'"
        newest = f"{where} ORDER BY created_at DESC LIMIT 1"
        return Effect.one(newest, run.account.id, *kinds, f"%:{run.step.id}%")

    def last_sent(self, made: Resource) -> Json:
        """Return the body last sent to Vapi, as far as we know."""
        kinds = (self.create.name, self.update.name)
        before = to_micros(made.updated_at + CLOCKS_DIFFER)  # skips all that was sent since
        where = "account_id = ? AND created_at < ? AND kind IN (?, ?) AND provider_id = ?"
        newest = f"{where} AND state = 'confirmed' ORDER BY created_at DESC LIMIT 1"
        sent = Effect.one(newest, made.account_id, before, *kinds, made.provider_id)
        return {} if sent is None else sent.request["body"]

    @property
    def _reason(self) -> str:
        return f"{self.what.lower()} of the account"

    def _report(self, run: Run, made: Resource, action: str, words: str, **more: str) -> None:
        """Report a finding to those who follow the deployment, in the log and in the audit log."""
        message = words.format(what=self.what, **more)
        log.warning(message, resource=made.id, provider_id=made.provider_id)
        DeploymentEvent.record(run.deployment.id, run.step.name, run.step.state, message, run.now)
        AuditEntry.record(
            SYSTEM,
            action,
            f"resource:{made.id}",
            run.account.id,
            deployment_id=run.deployment.id,
            provider_id=made.provider_id,
            **more,
        )
