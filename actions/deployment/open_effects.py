"""What a step sent without recording what came of it: looked for before the step is undone."""

from actions.deployment.progress import kind_of_step, locked_run
from actions.deployment.step import Json
from effects.deployment.objects import DEPLOYED
from effects.deployment.twilio.number import NUMBER_PURCHASE
from effects.kinds import kind_of
from effects.perform import is_settled, reconcile
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.effects.effect import Effect
from models.transactions import transaction
from runtime.clock import real_now
from runtime.errors import NotYet


def settle_open_effects(step_id: str) -> None:
    """End the doubt about what was sent for the step: what is found is the step's, so that it is
    undone; what was never sent will not be. What a person or the hourly look has found meanwhile
    is the step's too.

    Raises ProviderError while the provider's record cannot be read, or only by a newer release, and
    NotYet while it may not show yet what it was asked for.
    """
    with transaction():
        run = locked_run(step_id)
        sent = _sent(run.account.id, step_id)
    for effect in sent:
        known = effect.provider_id is not None and effect.provider_id in run.step.made.values()
        recorded_by = kind_of(effect).recorded_by
        if not recorded_by and effect.state != "confirmed":
            reconcile(effect)  # raises: it is a newer release's
        if recorded_by != DEPLOYED or known:
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
    the line's, so that it is released; but nothing that carries another tag.
    """
    account_id = PhoneLine.get_by_id(line_id).account_id
    for effect in _sent(account_id, line_id):
        if effect.kind != NUMBER_PURCHASE.name:
            continue
        found = _made_by(effect)
        with transaction():
            line = PhoneLine.locked(line_id)
            _record(effect, found)
            is_ours = found is not None and found["friendly_name"] == tagged(line.id)
            if found is not None and is_ours and line.twilio_sid is None:
                line.record(real_now(), twilio_sid=found["id"])


def _sent(account_id: str, tag: str) -> list[Effect]:
    """All that was not refused of what carries the tag, in the order in which it was asked for."""
    mine = "account_id = ? AND state <> 'refused' AND key LIKE ? ORDER BY created_at"
    return Effect.all(mine, account_id, f"%:{tag}%")


def _made_by(effect: Effect) -> Json | None:
    """What the effect has made, surely; None if it has made nothing."""
    if effect.state == "confirmed":
        return effect.answer or {}
    found = reconcile(effect) if effect.sent_at is not None else None
    if found is None and effect.sent_at is not None and not is_settled(effect):
        raise NotYet(
            f"Effect {effect.id} was sent a moment ago; the provider's record is read again before"
            " it is undone."
        )
    return found


def _record(effect: Effect, found: Json | None) -> None:
    if effect.state == "confirmed":
        return
    if found is None:
        effect.record_refused("not_made", "It was not made, and is undone.", real_now())
    else:
        effect.record_confirmed(found["id"], kind_of(effect).kept(found), real_now())
