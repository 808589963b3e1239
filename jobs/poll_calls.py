"""Calls whose reports were lost are read at Vapi, so that none is under way for ever.

Twice is harmless: reading calls nobody, and reports are merged by rank. A call is read once it has
been quiet for some minutes. One without an end at its deadline, which is later than any call lasts,
is in doubt: its slot is free again, and a person looks; a late report still counts. Such a call is
still read now and then: for two hours as any other, then once a day, and after a month no more.

Vapi shows a call as ended before it has worked out what was said in it. What a look finds is
therefore taken for the report only once that is there, or will not come any more.
"""

from datetime import UTC, datetime, timedelta

from actions.calling.expire import expire_unplaced
from actions.calling.hand_over import ask_about_doubt
from actions.calling.record_call_report import (
    locked_with_invoices,
    record_call_report,
    record_final_report,
)
from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.calling.call import Call
from models.calling.call_slot import CallSlot
from models.delivery.stage import stage
from models.invoices.invoice import Invoice
from models.transactions import transaction
from providers.errors import unless_refused
from providers.vapi import calls
from providers.vapi.calls import VapiCall
from rules.calling.call_states import AT_VAPI
from rules.calling.ended_reasons import BY_HAND
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=3)
SLOT = timedelta(minutes=5)  # a call is looked at once in each
YOUNG = timedelta(hours=2)
DAYS = 30  # on which a call that was given up is looked at
FOLLOWED = timedelta(days=2)  # after which a report that is missing will not come any more
WORKED_OUT = timedelta(minutes=15)  # after a call's end, by when Vapi knows what was said in it
NO_END = "Vapi has told of no end, although no call lasts as long. Look at it in Vapi's call list."


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def poll_calls() -> None:
    """Stage a look at each call of which something is still to be learnt, five hundred at a time:
    many of which a look learns nothing delay no other.
    """
    now = real_now()
    slot = f"{_slot(now):%Y%m%d%H%M}"
    with transaction():
        # however many were given up, they delay none that is followed
        quiet, given_up = (
            Call.quiet(now - QUIET, slot, BATCH),
            Call.given_up(stretches(now), slot, BATCH),
        )
        for call in [*quiet, *given_up]:
            stage("poll_call", f"{call.id}:{slot}", call.id, fair_to=call.account_id)
    if BATCH in {len(quiet), len(given_up)}:
        raise Snooze("more calls are to be looked at", 0.0)


def stretches(now: datetime) -> list[tuple[datetime, datetime]]:
    """When the calls were given up that are looked at now: lately, or at this time of another day,
    so that each has its turn once a day; one whose turn fell out has it on the next.
    """
    at = _slot(now)
    days = (at - timedelta(days=day) for day in range(1, DAYS + 1))
    return [(now - YOUNG, now - QUIET), *((day, day + SLOT) for day in days)]


def _slot(now: datetime) -> datetime:
    return now - (now - datetime.min.replace(tzinfo=UTC)) % SLOT


@job(queue="periodic", calls_out=True, attempts=4, timeout=20)
def poll_call(call_id: str) -> None:
    """Read call `call_id` at Vapi, and give it up if its deadline has passed."""
    call = Call.get_by_id(call_id)
    if call.reported_at is not None and call.ended_reason != BY_HAND:
        return
    told = unless_refused(calls.get_call, call.vapi_id) if call.vapi_id else None
    with recording():
        call, invoices = locked_with_invoices(call)
        now = real_now()
        if told is not None and (call.state != "unknown" or told.status == "ended"):
            record_call_report(call, told, now)  # of one that was given up only its end is news
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
