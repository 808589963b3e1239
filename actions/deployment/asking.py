"""Asking a provider for what a step makes."""

from actions.deployment.step import Json, Run
from effects.kind import Kind
from effects.reserve import reserve_for_account
from models.effects.effect import Effect


def ask(run: Run, kind: Kind, request: Json, reason: str) -> Effect:
    """The effect by which the step asks for this; each refusal is followed by an effect of its own,
    when it is tried again.
    """
    where = "account_id = ? AND kind = ? AND key LIKE ? AND state = 'refused'"
    refused = len(Effect.all(where, run.account.id, kind.name, f"%:{run.step.id}%"))
    return reserve_for_account(
        kind,
        f"{run.step.id}:{refused}" if refused else run.step.id,
        request,
        run.account.id,
        run.deployment.asked_by,
        reason,
    )
