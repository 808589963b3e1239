"""Asking a provider for what a step makes."""

from actions.deployment.step import Json, Run
from effects.kind import Kind
from effects.reserve import reserve_for_account
from models.effects.effect import Effect


def begun(run: Run, kind: Kind) -> Effect | None:
    """What the step has asked for already and knows no end of: that is ended before anything is
    compared with what a provider has by now.
    """
    where = "account_id = ? AND kind = ? AND key LIKE ? AND state IN ('sending', 'unknown')"
    return Effect.one(f"{where} LIMIT 1", run.account.id, kind.name, f"%:{run.step.id}%")


def ask(run: Run, kind: Kind, request: Json, reason: str, about: str = "") -> Effect:
    """The effect by which the step asks for this; each refusal is followed by an effect of its own,
    when it is tried again, and so is what it is `about`, where a person may change that meanwhile.
    """
    where = "account_id = ? AND kind = ? AND key LIKE ? AND state = 'refused'"
    refused = len(Effect.all(where, run.account.id, kind.name, f"%:{run.step.id}%"))
    tag = f"{run.step.id}:{about}" if about else run.step.id
    return reserve_for_account(
        kind,
        f"{tag}:{refused}" if refused else tag,
        request,
        run.account.id,
        run.deployment.asked_by,
        reason,
    )
