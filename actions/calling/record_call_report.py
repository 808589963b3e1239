"""Record what Vapi says of a call, whatever the source: the answer to our request, a status update,
the report at its end, a poll, or a person.
"""

from collections.abc import Sequence
from datetime import datetime

from actions.calling.act_on_outcome import open_doubt_item
from actions.calling.conclude import conclude_call
from actions.calling.receive import LONGEST
from effects.calling.call import CALL, shown
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.contact.work_item import WorkItem
from models.delivery.stage import stage, stage_again
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from providers.vapi.calls import VapiCall
from rules.calling.call_states import state_of
from rules.calling.ended_reasons import BY_HAND, NOT_PLACED, meaning_of
from rules.contact.hours import LAWFUL
from runtime.log import get_log

LOOK_AFTER = 60.0  # seconds until a call whose report is missing is polled
BLOCKED_DELAY = 20.0  # seconds until a call for which Vapi had no capacity is decided again
TWO_CALLS = "Vapi reports two calls with the name of one attempt. Look at both in its call list."
_GOES_ON = frozenset({"ringing", "in_progress"})
_AT_VAPI = _GOES_ON | {"queued"}
_GAVE_BACK = frozenset({"unknown", "refused"})

log = get_log("calls")


def call_of(report: VapiCall) -> Call | None:
    """Our call behind one of Vapi's: by its id, or else by its name (the effect's id), because the
    answer with the id may have been lost. `receive` creates rows for inbound calls.
    """
    found = Call.by_vapi_id(report.id) if report.id else None
    if found is not None:
        return found
    effect = Effect.one("id = ? AND kind = ?", report.name, CALL.name) if report.name else None
    if effect is None:
        return None
    return Call.one("id = ?", CALL.job_key(effect).partition(":")[0])


def locked_with_invoices(call: Call) -> tuple[Call, list[Invoice]]:
    """The call and its invoices, fresh, locked in the order used everywhere."""
    invoices = [Invoice.locked_with("account", each) for each in sorted(call.invoice_ids)]
    return Call.locked(call.id), invoices


def record_call_report(
    call: Call, report: VapiCall, now: datetime, effect: Effect | None = None
) -> bool:
    """Record Vapi's report, and return whether it was new. Also confirms the call's effect
    (`effect`, or the call's own). Needs a locked call.
    """
    if _is_of_another_attempt(call, report):
        return _record_other_attempt(call, report)
    _confirm(call, report, now, effect)
    state = state_of(report.status)
    if report.blocked and state in {"", "queued"}:
        return _record_blocked(call, report, now)
    is_over = state == "ended"
    goes_on = state in _AT_VAPI and call.state in _GAVE_BACK
    before = call.state
    if is_over and call.state in {"waiting", "refused"} and _was_not_placed(report):
        return False  # known already, and decided again since
    if is_over and _never_rang(call, report):
        return _decide_again(call, now)
    new = call.record_report(
        state,
        now,
        vapi_id=report.id,
        carrier_id=report.carrier_id,
        started_at=report.started_at,
        ended_at=report.ended_at or (now if is_over and call.ended_at is None else None),
        ended_reason=report.ended_reason,
        deadline=now + LONGEST if goes_on else None,  # or the next poll gives it up again
    )
    if call.attempted_at is None and state in {"ringing", "in_progress", "ended"}:
        call.record_placed_after_all(now)
    _check_if_late(call, before, now)
    if is_over:
        _record_end(call, now)
    elif goes_on or (state in _GOES_ON and call.ended_reason == BY_HAND):
        # the call is going on, although it was given up, or a person said that it was over or never
        # placed: it holds a slot like any other until its end is reported
        CallSlot.lease(call.id, now + LONGEST, now)
    return new


def record_final_report(
    call: Call, invoices: Sequence[Invoice], report: VapiCall, now: datetime
) -> bool:
    """Record the report at a call's end, or a poll after its end with everything there is to know.
    Needs both locked. Returns whether it was the first.
    """
    record_call_report(call, report, now)
    if call.state != "ended" or _is_of_another_attempt(call, report):
        return False
    return conclude_call(call, invoices, report, now)


def _check_if_late(call: Call, before: str, now: datetime) -> None:
    """Stage a check whether an outbound call that was just answered may go on, if Vapi had queued
    it for longer than its decision is good for.
    """
    is_news = call.state == "in_progress" != before and call.direction == "outbound"
    effect = Effect.one("id = ?", call.effect_id) if is_news else None
    if effect is not None and (call.started_at or now) > effect.created_at + LAWFUL.margin:
        stage("end_late_call", call.id, call.id, fair_to=call.account_id)


def _record_end(call: Call, now: datetime) -> None:
    """Record that the call is over: free its slot, close its doubt, and store the outcome as far as
    the ended reason tells it. The report adds the rest.
    """
    CallSlot.release(call.id)
    WorkItem.close("doubt", call.id, "settled")
    outcome = meaning_of(call.ended_reason).outcome
    if outcome and not call.outcome:
        call.record_outcome(outcome, now)
    if call.reported_at is None:
        stage("poll_call", f"{call.id}:end", call.id, fair_to=call.account_id, delay=LOOK_AFTER)


def _confirm(call: Call, report: VapiCall, now: datetime, effect: Effect | None) -> None:
    if not call.effect_id or not report.id:
        return
    if effect is None or effect.id != call.effect_id:
        effect = Effect.get_by_id(call.effect_id)
    if effect.state in {"sending", "unknown"}:
        effect.record_confirmed(report.id, CALL.kept(shown(report)), now)


def _record_blocked(call: Call, report: VapiCall, now: datetime) -> bool:
    """Record that Vapi holds the call without placing it, so no attempt was made. It is polled
    until Vapi says that it has ended; only then may another be placed.
    """
    was_given_back = call.state in _GAVE_BACK
    deadline = now + LONGEST if was_given_back else None
    new = call.record_report("queued", now, vapi_id=report.id, deadline=deadline)
    if was_given_back:  # it may ring at any time, like a call not given up
        CallSlot.lease(call.id, now + LONGEST, now)
    if call.state == "queued":
        call.record_blocked(now)
        stage_again(
            "poll_call", f"{call.id}:blocked", call.id, fair_to=call.account_id, delay=BLOCKED_DELAY
        )
    return new


def _never_rang(call: Call, report: VapiCall) -> bool:
    """Whether the call ended before any phone can have rung, for a reason that may soon be over, so
    that the same request may be decided again.
    """
    meaning = meaning_of(report.ended_reason)
    began = report.started_at is not None or call.started_at is not None
    return (
        meaning.outcome == NOT_PLACED
        and meaning.again
        and not began
        and call.direction == "outbound"
        and call.state in {"sending", "unknown", "queued"}
    )


def _was_not_placed(report: VapiCall) -> bool:
    return meaning_of(report.ended_reason).outcome == NOT_PLACED


def _decide_again(call: Call, now: datetime) -> bool:
    CallSlot.release(call.id)
    call.record_not_placed(now)
    stage_again("dial_overdue", call.id, call.id, fair_to=call.account_id, delay=BLOCKED_DELAY)
    return True


def _is_of_another_attempt(call: Call, report: VapiCall) -> bool:
    """Whether the report is about an earlier attempt of the call, or about a second call of the
    same name.
    """
    if call.vapi_id and report.id:
        return call.vapi_id != report.id
    return bool(report.name and call.effect_id and report.name != call.effect_id)


def _record_other_attempt(call: Call, report: VapiCall) -> bool:
    """Ignore the end of an attempt that never rang; anything else needs a person."""
    if _was_not_placed(report) or report.status in {"queued", ""}:
        return False
    log.error(TWO_CALLS, call_id=call.id, vapi_id=report.id, known=call.vapi_id)
    open_doubt_item(call, TWO_CALLS, "two")
    return False
