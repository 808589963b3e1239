"""Poll Vapi for calls whose reports were lost, so that no call stays in progress for ever.

Twice is harmless: polling calls nobody, and reports are merged by rank. A call is polled once it
has been quiet for some minutes. A call without an end at its deadline, which is later than any call
lasts, is in doubt: its slot is freed, and a person looks into it; a late report still counts. Such
a call is still polled: for two hours like any other, then once a day for a month.

Vapi shows a call as ended before its transcript is ready. A poll's answer therefore counts as the
final report only once the transcript is there, or can no longer be expected; an opt-out in the
transcript counts at once.
"""

from datetime import UTC, datetime, timedelta

from actions.calling.act_on_outcome import open_doubt_item
from actions.calling.conclude import opt_out_by_transcript
from actions.calling.expire import expire_unplaced
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
from providers.errors import none_if_refused
from providers.vapi import calls
from providers.vapi.calls import VapiCall
from rules.calling.call_analysis import read_analysis
from rules.calling.call_states import AT_VAPI
from rules.calling.ended_reasons import BY_HAND
from runtime.clock import real_now

BATCH = 500
QUIET = timedelta(minutes=3)
SLOT = timedelta(minutes=5)  # each call is polled once per slot
YOUNG = timedelta(hours=2)
DAYS = 30  # for which an abandoned call is polled daily
FOLLOWED = timedelta(days=2)  # after which a missing report is no longer expected
WORKED_OUT = timedelta(minutes=15)  # after a call's end, by when Vapi has its transcript
NO_END = "Vapi has reported no end, although no call lasts this long. Find it in Vapi's call list."


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def poll_calls() -> None:
    """Stage a poll of each call with something still to learn, five hundred at a time. Polls that
    learn nothing do not delay other calls.
    """
    now = real_now()
    slot = f"{_slot(now):%Y%m%d%H%M}"
    with transaction():
        # a backlog of abandoned calls must not delay live ones
        quiet, given_up = (
            Call.silent(now - QUIET, slot, BATCH),
            Call.given_up(stretches(now), slot, BATCH),
        )
        for call in [*quiet, *given_up]:
            stage("poll_call", f"{call.id}:{slot}", call.id, fair_to=call.account_id)
    if BATCH in {len(quiet), len(given_up)}:
        raise Snooze("more calls to poll", 0.0)


def stretches(now: datetime) -> list[tuple[datetime, datetime]]:
    """The periods in which calls polled now were given up: recently, or around this time on an
    earlier day. So each has its turn once a day; a missed turn is made up the next day.
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
    report = none_if_refused(calls.get_call, call.vapi_id) if call.vapi_id else None
    with recording():
        call, invoices = locked_with_invoices(call)
        now = real_now()
        if report is not None and (call.state != "unknown" or report.status == "ended"):
            record_call_report(call, report, now)  # if given up, only an end is news
        if report is not None and _is_whole(call, report, now):
            record_final_report(call, invoices, report, now)
        elif report is not None:
            opt_out_by_transcript(call, report, now)
        if call.reported_at is None:
            _give_up(call, invoices, now)


def _is_whole(call: Call, report: VapiCall, now: datetime) -> bool:
    """Whether the call as read from Vapi is complete: nothing more will be added to it."""
    if report.status != "ended":
        return False
    return "outcome" in read_analysis(report.said) or (call.ended_at or now) <= now - WORKED_OUT


def _give_up(call: Call, invoices: list[Invoice], now: datetime) -> None:
    if call.state in {"waiting", "sending"}:
        expire_unplaced(call, now)
    elif call.state in AT_VAPI and call.deadline is not None and call.deadline <= now:
        CallSlot.release(call.id)
        call.record_given_up(NO_END, now)
        open_doubt_item(call, NO_END)
    elif call.state == "ended" and call.updated_at <= now - FOLLOWED:
        record_final_report(call, invoices, VapiCall(call.vapi_id or "", "ended"), now)
