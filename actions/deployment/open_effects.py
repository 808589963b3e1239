"""What a step sent and does not know the end of: looked for before the step is undone."""

from actions.deployment.progress import kind_of_step, locked_run
from actions.deployment.step import Json
from effects.deployment.number_purchase import NUMBER_PURCHASE
from effects.kinds import kind_of
from effects.perform import is_settled, reconcile
from models.base import transaction
from models.deployment.phone_line import PhoneLine
from models.effects.effect import Effect
from runtime.clock import real_now
from runtime.errors import NotYet


def settle_open_effects(step_id: str) -> None:
    """End the doubt about what was sent for the step: what is found is the step's, so that it is
    undone; what was never sent will not be.

    Raises ProviderError while the provider's record cannot be read, and NotYet while it may not
    show yet what it was asked for.
    """
    with transaction():
        run = locked_run(step_id)
        open_ones = _open_ones(run.account.id, step_id)
    for effect in open_ones:
        kind = kind_of(effect)
        if kind.recorded_by != "deploy_account":
            continue
        found = _made_by(effect)
        with transaction():
            run = locked_run(step_id)
            _record(effect, found)
            if found is not None:
                made = kind_of_step(run.step).record(run, effect, found)
                run.step.record(made=run.step.made | made)


def settle_open_purchases(line_id: str) -> None:
    """The same for the numbers that were asked for in a line that is given up: what was bought is
    the line's, so that it is released.
    """
    account_id = PhoneLine.get_by_id(line_id).account_id
    for effect in _open_ones(account_id, line_id):
        if effect.kind != NUMBER_PURCHASE.name:
            continue
        found = _made_by(effect)
        with transaction():
            line = PhoneLine.locked(line_id)
            _record(effect, found)
            if found is not None:
                line.record(real_now(), twilio_sid=found["id"])


def _open_ones(account_id: str, tag: str) -> list[Effect]:
    unknown = "account_id = ? AND state IN ('sending', 'unknown') AND key LIKE ?"
    return Effect.all(unknown, account_id, f"%:{tag}%")


def _made_by(effect: Effect) -> Json | None:
    """What the effect has made, surely; None if it has made nothing."""
    found = reconcile(effect) if effect.sent_at is not None else None
    if found is None and effect.sent_at is not None and not is_settled(effect):
        raise NotYet(
            f"Effect {effect.id} was sent a moment ago; the provider's record is read again before"
            " it is undone."
        )
    return found


def _record(effect: Effect, found: Json | None) -> None:
    if found is None:
        effect.record_refused("not_made", "It was not made, and is undone.", real_now())
    else:
        effect.record_confirmed(found["id"], kind_of(effect).kept(found), real_now())
