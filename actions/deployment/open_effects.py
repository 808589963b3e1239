"""Find out what became of a step's effects in doubt, before the step is undone."""

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
    """Settle the step's effects whose outcome is in doubt. What the provider has is added to what
    the step made, so that it is undone; what was never sent will not be sent. What staff or the
    hourly reconciliation found in the meantime is added too.

    Raises ProviderError while the provider's record cannot be read, or can be read only by a newer
    release, and NotYet while a recent request might not show there yet.
    """
    with transaction():
        run = locked_run(step_id)
        sent = _sent(run.account.id, step_id)
    for effect in sent:
        known = effect.provider_id is not None and effect.provider_id in run.step.made.values()
        recorded_by = kind_of(effect).recorded_by
        if not recorded_by and effect.state != "confirmed":
            reconcile(effect)  # raises: only a newer release can record this kind
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
    """Settle the purchases of a line that is given up, as `settle_open_effects` does. A number that
    was bought is recorded in the line, so that it is released, but only if it carries the line's
    tag.
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
    """Return the effects with this tag that were not refused, oldest first."""
    where = "account_id = ? AND state <> 'refused' AND key LIKE ? ORDER BY created_at"
    return Effect.all(where, account_id, f"%:{tag}%")


def _made_by(effect: Effect) -> Json | None:
    """Return what the effect made for certain, or None if it made nothing. Raises NotYet."""
    if effect.state == "confirmed":
        return effect.answer or {}
    found = reconcile(effect) if effect.sent_at is not None else None
    if found is None and effect.sent_at is not None and not is_settled(effect):
        raise NotYet(
            f"Effect {effect.id} was sent a moment ago; the provider's record must be read again"
            " before it is undone."
        )
    return found


def _record(effect: Effect, found: Json | None) -> None:
    if effect.state == "confirmed":
        return
    if found is None:
        effect.record_refused("not_made", "Nothing was made, so nothing is undone.", real_now())
    else:
        effect.record_confirmed(found["id"], kind_of(effect).kept(found), real_now())
