"""Perform an effect at most once at the provider, whatever is lost on the way.

The row commits before the call. If an answer is lost, the same request is sent again under the same
key, which does nothing twice. A new key is used only when two things hold: the request under the
last key is over (the provider has forgotten the key, or repeats the same stored error), and the
provider's own record, searched by our tag after that, holds nothing. If the request is older than a
minute but seems never to have been sent, it is looked up first, because a restored database may
have lost the effect that made it. What is still in doubt after three keys waits for an operator.

If the provider takes no key, every send counts as such a new start: one process wins the right to
send, and checks once more, just before the call, that it still has it.
"""

from datetime import datetime, timedelta
from typing import Any

from effects.kind import Kind
from effects.kinds import kind_of
from models.effects.effect import Effect
from providers.errors import ProviderError
from runtime.clock import real_now
from runtime.errors import Conflict, Misconfigured, NotYet, PayphoneError
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.settings import get_settings

MAX_GENERATIONS = 3
SETTLING = 30.0  # seconds until a provider's record is sure to show what we sent it
# an effect requested longer ago is looked up before it is first sent
KNOWN_AFTER = timedelta(minutes=1)
# limit between decision and call: a process frozen for longer does not send
LEAVE_WITHIN = timedelta(seconds=15)

log = get_log("effects")


class InDoubt(PayphoneError):
    """Every key was tried, and the outcome is still unknown: an operator must look and settle
    it.
    """


def perform(
    effect: Effect, decided_at: datetime | None = None, asked_at: datetime | None = None
) -> dict[str, Any] | None:
    """Return the provider's object for `effect`, made now or before, or None if it was refused
    (`effect.error` says why).

    The caller confirms the effect (`effect.record_confirmed`) in the transaction that records what
    the object means; if it dies before that, the next attempt gets the same object. `decided_at` is
    when the caller decided: a process frozen since then does not act on an old decision. `asked_at`
    is when our row, whose tag the object carries, was created.

    Raises ProviderError, NotYet or InDoubt while the outcome is unknown or the provider asks us to
    wait, and Conflict when another attempt was faster.
    """
    if effect.state == "refused":
        return None
    if effect.state == "confirmed":
        return effect.answer or {}
    kind = kind_of(effect)
    if effect.repeated or not kind.key_is_alive(effect):
        found = kind.find(effect)
        if found is not None:
            return found
        _use_next_key(effect)
    found = _find_made_before(effect, kind, asked_at)
    if found is not None:
        return found
    if kind.expires and effect.sent_at is None and real_now() > effect.deadline:
        why = f"It was not sent by {effect.deadline:%Y-%m-%d %H:%M} UTC, and will not be sent late."
        if not effect.record_never_sent("deadline_passed", f"{why} Ask again.", real_now()):
            raise _taken_over(effect)
        return None
    return _send(effect, kind, decided_at or real_now())


def reconcile(effect: Effect) -> dict[str, Any] | None:
    """Find an effect in doubt in the provider's record and return its object, or None. Changes
    nothing.
    """
    return kind_of(effect).find(effect)


def _find_made_before(
    effect: Effect, kind: Kind, asked_at: datetime | None
) -> dict[str, Any] | None:
    """Find an object that the provider already has under our row's tag, if the row is not new and
    the effect, as far as we know, was never sent.
    """
    sent = effect.sent_at is not None or effect.generation > 1
    if sent or asked_at is None or kind.find_asked is None or real_now() - asked_at < KNOWN_AFTER:
        return None
    found = kind.find_asked(effect, asked_at)
    if found is not None:
        log.warning(
            "already made, by an effect that is not in this database",
            effect_id=effect.id,
            kind=effect.kind,
            provider_id=found["id"],
        )
    return found


def _send(effect: Effect, kind: Kind, decided_at: datetime) -> dict[str, Any] | None:
    in_doubt = effect.sent_at is not None or effect.generation > 1
    _check_is_fresh(effect, decided_at)
    _record_sent(effect, kind)
    killpoint("effect.before_call")
    try:
        _check_is_fresh(effect, decided_at)
        if not kind.keyed and not effect.is_unchanged():
            raise _taken_over(effect)
        answer = kind.send(effect)
    except ProviderError as error:
        return _judge_failure(effect, kind, error, in_doubt)
    except (NotYet, Misconfigured):  # nothing was sent, so there is nothing to look up
        _record_not_sent(effect, kind)
        raise
    killpoint("effect.after_call")
    log.info("effect answered", effect_id=effect.id, kind=effect.kind, generation=effect.generation)
    return answer


def _record_sent(effect: Effect, kind: Kind) -> None:
    """Record that the request is about to be sent. If no key makes a retry harmless, only one
    process may send in each generation.
    """
    if kind.keyed:
        effect.record_sent(real_now())
    elif not effect.record_sent_once(real_now()):
        raise _taken_over(effect)


def _record_not_sent(effect: Effect, kind: Kind) -> None:
    """Record that nothing was done. With a key that is unnecessary: a retry uses the same key."""
    if not kind.keyed:
        effect.record_not_sent()


def _taken_over(effect: Effect) -> Conflict:
    return Conflict(f"Effect {effect.id} was sent, or given a new key, by another attempt.")


def _check_is_fresh(effect: Effect, decided_at: datetime) -> None:
    if real_now() - decided_at > LEAVE_WITHIN:
        raise NotYet(
            f"Effect {effect.id} was delayed before sending; it will not be sent late, but decided"
            " again."
        )


def log_failure(effect: Effect, error: ProviderError) -> None:
    """Log a failed call with advice, as an error if the fault is ours."""
    write = log.error if error.bug else log.warning
    write(
        "effect failed",
        effect_id=effect.id,
        kind=effect.kind,
        outcome=error.outcome,
        code=error.code,
        advice=error.advice,
    )


def _judge_failure(
    effect: Effect, kind: Kind, error: ProviderError, in_doubt: bool
) -> dict[str, Any] | None:
    """Decide what a failed call means: a refusal, a doubt, or what the provider's record shows."""
    log_failure(effect, error)
    if error.outcome == "retry_later":
        _record_not_sent(effect, kind)
        raise error
    if error.outcome == "refused":
        found = kind.find(effect) if in_doubt else None  # an earlier try may be why it was refused
        if found is None:
            effect.record_refused(error.code, str(error), real_now())
        return found
    effect.record_unknown(
        error.code, str(error), error.answered and not error.bug and effect.error_code == error.code
    )
    found = kind.find(effect) if error.answered else None
    if found is not None:
        return found
    raise error


def _use_next_key(effect: Effect) -> None:
    """Move to the next key: the last one is over, and nothing was found under it."""
    if effect.generation >= MAX_GENERATIONS:
        effect.record_unknown(
            "in_doubt", f"Nothing was found under {MAX_GENERATIONS} keys.", effect.repeated
        )
        raise InDoubt(
            f"Effect {effect.id}: nothing was found under {MAX_GENERATIONS} keys. Check at"
            f" {effect.provider}, then use bin/payphone effects settle."
        )
    if not is_settled(effect):
        raise NotYet(
            f"Effect {effect.id} was sent a moment ago; the provider's record will be checked again"
            " later."
        )
    log.warning(
        "the last key did nothing, trying a new one",
        effect_id=effect.id,
        generation=effect.generation + 1,
    )
    effect.record_next_generation()


def is_settled(effect: Effect) -> bool:
    """Whether the provider has had time to show the outcome of the last call."""
    settings = get_settings()
    wait = timedelta(seconds=settings.shortened(SETTLING, settings.payphone_settling))
    return effect.last_sent_at is None or real_now() - effect.last_sent_at >= wait
