"""Calls whose reports were lost are read at Vapi, so that none is under way for ever.

Twice is harmless: reading calls nobody, and reports are merged by rank. A call is read once it has
been quiet for some minutes. One without an end at its deadline, which is later than any call lasts,
is in doubt: its slot is free again, and a person looks; a late report still counts.

Vapi shows a call as ended before it has worked out what was said in it. What a look finds is
therefore taken for the report only once that is there, or will not come any more.
"""

from datetime import datetime, timedelta

from peewee import Case

from actions.calling.expire import expire_unplaced
from actions.calling.hand_over import ask_about_doubt
from actions.calling.record_call_report import (
    locked_with_invoices,
    record_call_report,
    record_final_report,
)
from delivery.attempt import recording
from delivery.registry import job
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.delivery.stage import stage
from models.invoices.invoice import Invoice
from providers.errors import ProviderError
from providers.vapi import calls
from providers.vapi.calls import VapiCall
from rules.calling.call_states import AT_VAPI
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=3)
FOLLOWED = timedelta(days=2)  # after which a report that is missing will not come any more
WORKED_OUT = timedelta(minutes=15)  # after a call's end, by when Vapi knows what was said in it
NO_END = "Vapi has told of no end, although no call lasts as long. Look at it in Vapi's call list."


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def poll_calls() -> None:
    """Stage a look at each call of which something is still to be learnt."""
    now = real_now()
    is_open = Call.reported_at.is_null() & Call.state.not_in(("refused", "cancelled"))
    # what Vapi has no id for cannot be looked at there
    can_be_seen = (Call.state != "unknown") | Call.vapi_id.is_null(False)
    quiet = is_open & can_be_seen & (Call.updated_at < now - QUIET)
    # those that were given up come last, however old: they delay no live one
    in_order = (Case(None, ((Call.state == "unknown", 1),), 0), Call.updated_at)
    with recording():
        for call in Call.select().where(quiet).order_by(*in_order).limit(BATCH):
            stage(
                "poll_call",
                f"{call.id}:{now:%Y%m%d%H}{now.minute // 5}",
                call.id,
                fair_to=call.account_id,
            )


@job(queue="periodic", calls_out=True, attempts=4, timeout=20)
def poll_call(call_id: str) -> None:
    """Read call `call_id` at Vapi, and give it up if its deadline has passed."""
    call = Call.get_by_id(call_id)
    if call.reported_at is not None:
        return
    told = _ask(call.vapi_id) if call.vapi_id else None
    with recording():
        call, invoices = locked_with_invoices(call)
        now = real_now()
        if told is not None:
            record_call_report(call, told, now)
        if told is not None and _is_whole(call, told, now):
            record_final_report(call, invoices, told, now)
        if call.reported_at is None:
            _give_up(call, invoices, now)


def _is_whole(call: Call, told: VapiCall, now: datetime) -> bool:
    """Whether a look at an ended call shows all that there will be."""
    if told.status != "ended":
        return False
    return told.said is not None or (call.ended_at or now) <= now - WORKED_OUT


def _give_up(call: Call, invoices: list[Invoice], now: datetime) -> None:
    if call.state in {"waiting", "sending"}:
        expire_unplaced(call, now)
    elif call.state in AT_VAPI and call.deadline is not None and call.deadline <= now:
        CallSlot.give_back(call.id)
        call.record_given_up(NO_END, now)
        ask_about_doubt(call, NO_END)
    elif call.state == "ended" and call.updated_at <= now - FOLLOWED:
        record_final_report(call, invoices, VapiCall(call.vapi_id or "", "ended"), now)


def _ask(vapi_id: str) -> VapiCall | None:
    """The call as Vapi shows it; None when Vapi has it no longer. Raises ProviderError when Vapi
    does not answer.
    """
    try:
        return calls.get_call(vapi_id)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        return None
