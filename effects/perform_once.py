"""Perform an effect for which the provider has no idempotency key, such as a text, at most once
ever.

One process wins the right to send by a compare-and-set on `sent_at`, committed before the call. Any
other process that finds it set without an outcome records `unknown`, because it cannot know. Only
the winner, or the provider's answer, can establish that nothing was sent. An unknown outcome is
settled by a callback, by the provider's list or by an operator; never by sending again.
"""

from typing import Any

from effects.kinds import kind_of
from effects.perform import log_failure
from models.effects.effect import Effect
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import Misconfigured, NotYet
from runtime.killpoint import killpoint
from runtime.log import get_log

NOT_SENT = "not_sent"  # error code of an attempt that was never sent, so may be decided again

log = get_log("effects")


def perform_once(effect: Effect) -> dict[str, Any] | None:
    """Return the provider's object, or None if it was refused or is in doubt (`effect.state` says
    which).

    Raises ProviderError, NotYet or Misconfigured when certainly nothing was sent: decide again
    later, and reserve a new effect.
    """
    if effect.state == "confirmed":
        return effect.answer or {}
    if effect.state in {"refused", "unknown"}:
        return None
    if not _may_send(effect):
        effect.record_unknown(
            "interrupted", "Its sender died, or is still sending; whether it was sent is unknown."
        )
        return None
    killpoint("effect.before_call")
    if real_now() >= effect.deadline:
        _record_not_sent(
            effect,
            f"It was delayed until after its deadline ({effect.deadline:%H:%M:%S} UTC) and was not"
            " sent late.",
        )
        raise NotYet(f"Effect {effect.id} was not sent in time; it will be decided again.")
    return _send(effect)


def was_not_sent(effect: Effect) -> bool:
    """Whether this attempt was certainly never sent, so that another may be decided."""
    return effect.state == "refused" and effect.error_code == NOT_SENT


def _may_send(effect: Effect) -> bool:
    """Win the right to send, which only one process can, once."""
    now = real_now()
    return effect.record_sent_once(now)


def _send(effect: Effect) -> dict[str, Any] | None:
    try:
        answer = kind_of(effect).send(effect)
    except Misconfigured as error:
        _record_not_sent(effect, str(error))
        raise
    except ProviderError as error:
        _record_failure(effect, error)
        return None
    killpoint("effect.after_call")
    log.info("effect answered", effect_id=effect.id, kind=effect.kind)
    return answer


def _record_failure(effect: Effect, error: ProviderError) -> None:
    """Record a refusal or a doubt. A request that never got through is recorded as not sent and
    raised.
    """
    log_failure(effect, error)
    if error.outcome == "retry_later":
        _record_not_sent(effect, str(error))
        raise error
    if error.outcome == "refused":
        effect.record_refused(error.code, str(error), real_now())
    else:
        effect.record_unknown(error.code, str(error))


def _record_not_sent(effect: Effect, why: str) -> None:
    effect.record_refused(NOT_SENT, why, real_now())
