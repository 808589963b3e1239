"""Recording what Vapi says of a call, in whatever way it is told: the answer to our request, a
status update, the report at its end, a look at it, or a person.
"""

from datetime import datetime

from actions.calling.conclude import conclude
from effects.calling.call import CALL, shown
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.delivery.stage import stage, stage_again
from models.effects.effect import Effect
from providers.vapi.calls import VapiCall
from rules.calling.call_states import state_of
from rules.calling.ended_reasons import NOT_PLACED, meaning_of
from runtime.log import get_log

LOOK_AFTER = 60.0  # seconds until a call whose report is missing is looked at
BLOCKED_DELAY = 20.0  # seconds until a call that found no room at Vapi is decided again

log = get_log("calls")


def call_of(vapi_id: str, name: str) -> Call | None:
    """Our call behind one of Vapi's: by its id, else by its name, the effect's id, for the answer
    that told us the id may have been lost.
    """
    found = Call.of_vapi(vapi_id) if vapi_id else None
    if found is not None or not name:
        return found
    effect = Effect.one("id = ? AND kind = ?", name, CALL.name)
    if effect is None:
        return None
    return Call.one("id = ?", CALL.job_key(effect).partition(":")[0])


def record_call_report(
    call: Call, told: VapiCall, now: datetime, effect: Effect | None = None
) -> bool:
    """Record it; also confirms the call's effect, the one given or the call's. Needs a locked call.
    Whether it was new.
    """
    if call.vapi_id and told.id and call.vapi_id != told.id:
        return _other_attempt(call, told)
    _confirm(call, told, now, effect)
    if told.blocked and state_of(told.status) in {"", "queued"}:
        return _blocked(call, told, now)
    state = state_of(told.status)
    if state in {"ringing", "in_progress", "ended"} and call.state == "waiting":
        log.warning("a call that was given up was placed all the same", call_id=call.id)
    is_over = state == "ended"
    if is_over and _was_never_placed(call, told):
        return _decide_again(call, now)
    new = call.record_report(
        state,
        now,
        vapi_id=told.id,
        carrier_id=told.carrier_id,
        started_at=told.started_at,
        ended_at=told.ended_at or (now if is_over and call.ended_at is None else None),
        ended_reason=told.ended_reason,
    )
    if call.is_live and call.is_blocked and state in {"ringing", "in_progress"}:
        call.record_unblocked(now)
    if is_over:
        _record_end(call, now)
    return new


def record_final_report(
    call: Call, told: VapiCall, now: datetime, effect: Effect | None = None
) -> bool:
    """Record the report at a call's end, or a call as it stands after its end: all that there is to
    know of it. Whether it was the first one.
    """
    record_call_report(call, told, now, effect)
    if call.state != "ended":
        return False
    return conclude(call, told, now)


def _record_end(call: Call, now: datetime) -> None:
    """It is over: the slot is free, and its class is known; the report tells the rest."""
    CallSlot.give_back(call.id)
    outcome = meaning_of(call.ended_reason).outcome
    if outcome and not call.outcome:
        call.record_outcome(outcome, now)
    if call.reported_at is None:
        stage("poll_call", f"{call.id}:end", call.id, fair_to=call.account_id, delay=LOOK_AFTER)


def _confirm(call: Call, told: VapiCall, now: datetime, effect: Effect | None) -> None:
    if not call.effect_id or not told.id:
        return
    if effect is None or effect.id != call.effect_id:
        effect = Effect.get_by_id(call.effect_id)
    if told.name and told.name != effect.id:
        return
    if effect.state in {"sending", "unknown"}:
        effect.record_confirmed(told.id, CALL.kept(shown(told)), now)


def _blocked(call: Call, told: VapiCall, now: datetime) -> bool:
    """Vapi has the call, and places it not, or not yet: no attempt was made. It is looked at until
    it says that it has ended; only then may another one be placed.
    """
    new = call.record_report("queued", now, vapi_id=told.id)
    call.record_blocked(now)
    stage_again(
        "poll_call", f"{call.id}:blocked", call.id, fair_to=call.account_id, delay=BLOCKED_DELAY
    )
    return new


def _was_never_placed(call: Call, told: VapiCall) -> bool:
    """Whether the call found no room at Vapi, so that the same request may be decided again."""
    meaning = meaning_of(told.ended_reason)
    return (
        call.direction == "outbound"
        and told.started_at is None
        and meaning.outcome == NOT_PLACED
        and "concurrency" in told.ended_reason
        and call.state != "ended"
    )


def _decide_again(call: Call, now: datetime) -> bool:
    CallSlot.give_back(call.id)
    call.record_not_placed(now)
    stage_again("dial_overdue", call.id, call.id, fair_to=call.account_id, delay=BLOCKED_DELAY)
    return True


def _other_attempt(call: Call, told: VapiCall) -> bool:
    """Something of a call of Vapi's that is not the one this row stands for."""
    log.error(
        "Vapi tells of another call by this name; a person has to look",
        call_id=call.id,
        vapi_id=told.id,
        known=call.vapi_id,
    )
    return False
