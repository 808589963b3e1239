"""End a call in doubt on the word of a person who has looked: it is over, or it was never placed.

A later report still counts: it knows more than the person did.
"""

from datetime import datetime

from actions.calling.record_call_report import locked_with_invoices, record_final_report
from effects.settle import settle_refused, settle_unread
from models.accounts.audit_entry import AuditEntry
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.contact.work_item import WorkItem
from models.delivery.stage import stage
from models.effects.effect import BY_HAND, Effect
from models.invoices.invoice import Invoice
from models.transactions import transaction
from providers.vapi.calls import VapiCall
from rules.calling import ended_reasons
from runtime.clock import real_now
from runtime.errors import NotAllowed, Refused

# seconds after which the transcript is read: Vapi needs up to a quarter of an hour for it
STILL_READ = 1_000.0, 86_400.0
ENDED, NEVER_PLACED = "ended", "never_placed"
HOW_KNOWN = "is needed: how do you know that nobody was rung?"


def call_in_doubt(item: WorkItem) -> Call | None:
    """The call that a work item about a doubt names, itself or by its effect."""
    call_id, effect_id = item.context.get("callId"), item.context.get("effectId")
    if call_id:
        return Call.one("id = ?", call_id)
    return Call.one("effect_id = ?", effect_id) if effect_id else None


def end_by_hand(call: Call, how: str, actor: str, why: str) -> Call:
    """End a call whose end is unknown: as `ENDED`, which counts as a call, or `NEVER_PLACED`, which
    does not. Its slot is freed, and the customer may be called again as the rules say. Repeating it
    changes nothing.

    Raises Refused: `conflict` if the call is not in doubt, or while its effect is still looked up,
    and `invalid` for `NEVER_PLACED` without a `why`.
    """
    with transaction():
        call, invoices = locked_with_invoices(call)
        if _was_ended_as(call, how):
            return call
        why = why.strip()
        if how == NEVER_PLACED and not why:
            raise Refused(
                "invalid",
                f"A note {HOW_KNOWN} Look in Vapi's call list, and send it with what you saw.",
                [{"field": "note", "message": HOW_KNOWN}],
            )
        _check_may_be_ended(call, how)
        _settle_request(call, how, actor, why)
        for subject in filter(None, (call.id, call.effect_id)):
            WorkItem.close("doubt", subject, how, actor)
        now = real_now()
        if how == ENDED:
            _record_ended(call, invoices, now)
        else:
            CallSlot.release(call.id)
            call.record_refused(BY_HAND, why, now)
        AuditEntry.record(
            actor, "call.settled", f"call:{call.id}", call.account_id, outcome=how, why=why
        )
    return call


def _record_ended(call: Call, invoices: list[Invoice], now: datetime) -> None:
    """Record and announce that the call is over. If Vapi knows it, its transcript is still read
    later: an opt-out in it has not been seen yet.
    """
    for delay in STILL_READ if call.vapi_id else ():
        key = f"{call.id}:by_hand:{delay:.0f}"
        stage("poll_call", key, call.id, fair_to=call.account_id, delay=delay)
    report = VapiCall(call.vapi_id or "", "ended", ended_reason=ended_reasons.BY_HAND)
    record_final_report(call, invoices, report, now)


def _was_ended_as(call: Call, how: str) -> bool:
    if how == ENDED:
        return call.state == "ended" and call.ended_reason == ended_reasons.BY_HAND
    return call.state == "refused" and call.error_code == BY_HAND


def _check_may_be_ended(call: Call, how: str) -> None:
    if call.state != "unknown":
        raise Refused(
            "conflict", f"Call {call.id} is not in doubt: it is {call.state}. Read it again."
        )
    if how == NEVER_PLACED and (call.started_at is not None or call.carrier_id):
        raise Refused(
            "conflict",
            f"Vapi has reported the start of call {call.id}, or its carrier's id, so it was placed."
            f" Say {ENDED} once it is over.",
        )


def _settle_request(call: Call, how: str, actor: str, why: str) -> None:
    effect = Effect.one("id = ?", call.effect_id) if call.effect_id else None
    if effect is None or effect.state not in {"sending", "unknown"}:
        return
    try:
        if how == ENDED:
            settle_unread(effect.id, actor, why)
        else:
            settle_refused(effect.id, why, actor)
    except NotAllowed as error:
        raise Refused("conflict", f"{error} It is still being looked up in Vapi's list.") from None
