"""Request the effect by which a step makes or changes something at a provider."""

from actions.deployment.step import Json, Run
from effects.kind import Kind
from effects.reserve import reserve_for_account
from models.effects.effect import Effect


def open_step_effect(run: Run, kind: Kind) -> Effect | None:
    """Return the step's effect of this kind whose outcome is still open, if any. It must end before
    the step compares anything with the provider's current state.
    """
    where = "account_id = ? AND kind = ? AND key LIKE ? AND state IN ('sending', 'unknown')"
    return Effect.one(f"{where} LIMIT 1", run.account.id, kind.name, f"%:{run.step.id}%")


def reserve_step_effect(
    run: Run, kind: Kind, request: Json, reason: str, about: str = ""
) -> Effect:
    """Return the step's effect for this request, reserving it if needed. A retry after a refusal
    gets an effect of its own; so does another `about`, for requests whose subject staff can change
    in between.
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
