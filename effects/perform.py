"""Performing an effect: at most one at the provider, whatever is lost on the way.

The row commits before the call. A lost answer is asked for again under the same key; where that can
tell nothing (the provider answered 500 and keeps that answer, or has forgotten the key) its own record
is searched by our tag, and only a search that finds nothing allows another try.
"""

from typing import Any

from effects.kinds import KINDS, Kind
from models.effect import Effect
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log

MAX_GENERATIONS = 3

log = get_log("effects")



def perform(effect: Effect) -> dict[str, Any] | None:
    """The provider's object for `effect`, made now or before; None when the provider refused (`effect.error` says why).

    The caller records it (`effect.record_confirmed`) in the transaction that records what it means; if it
    dies before, the next attempt gets the same object. Raises ProviderError when the outcome is unknown
    or the provider asks for patience: try again.
    """
    if effect.state == "refused":
        return None
    if effect.state == "confirmed":
        return effect.answer or {}
    kind = KINDS[effect.kind]
    if effect.state == "unknown" and not kind.key_is_alive(effect):
        found = _reconciled(effect, kind)
        if found is not None:
            return found
    return _send(effect, kind)


def reconcile(effect: Effect) -> dict[str, Any] | None:
    """Look for a doubtful effect in the provider's record; its object, or None. Changes nothing."""
    return KINDS[effect.kind].find(effect)


def _send(effect: Effect, kind: Kind) -> dict[str, Any] | None:
    now = real_now()
    effect.record_sent(now)
    killpoint("effect.before_call")
    try:
        answer = kind.send(effect)
    except ProviderError as error:
        return _judged(effect, kind, error)
    killpoint("effect.after_call")
    return answer


def _judged(effect: Effect, kind: Kind, error: ProviderError) -> dict[str, Any] | None:
    """What a failed call means: a refusal, a doubt, or (after a kept 500) what the record shows."""
    log.warning("effect failed", effect_id=effect.id, kind=effect.kind, outcome=error.outcome, code=error.code)
    if error.outcome == "refused":
        effect.record_refused(error.code, str(error), real_now())
        return None
    if error.outcome == "unknown":
        effect.record_unknown(error.code, str(error))
        if error.answered:
            found = _reconciled(effect, kind)
            if found is not None:
                return found
    raise error


def _reconciled(effect: Effect, kind: Kind) -> dict[str, Any] | None:
    """The provider's object, found by our tag; else the next attempt may use a fresh key."""
    found = kind.find(effect)
    if found is None and effect.generation < MAX_GENERATIONS:
        log.warning("nothing found under the last key, a fresh one may be tried", effect_id=effect.id, generation=effect.generation + 1)
        effect.record_next_generation()
    return found
