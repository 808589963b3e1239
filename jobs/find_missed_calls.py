"""Find calls to a clinic in Vapi's list whose messages we could not receive, so that they are
handled like any other.

Twice is harmless: a call is one row, whichever source reports it first, and its words are acted on
once. Vapi repeats no message. A reading begins before the time at which the last successful one was
requested; what it finds is followed as any other call: `poll_calls` reads its end and its
transcript.

While Vapi is down, one reading is retried with growing backoff, and run again once it has given up:
however long that lasts, it continues from where the last reading ended. After a long outage the
list is read an hour at a time, because Vapi lists a limited number of calls, and each hour page by
page.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from actions.calling.receive import receive_call
from delivery.attempt import recording
from delivery.registry import job
from delivery.scan import Scan
from models.base import to_micros
from models.delivery.stage import stage
from models.delivery.staged_job import StagedJob, revive_job
from models.deployment.phone_line import PhoneLine
from providers.vapi.calls import page_of_calls
from runtime.clock import real_now

OVERLAP = timedelta(minutes=10)
STRETCH = timedelta(hours=1)  # the most that one reading covers, besides the overlap
FIRST = timedelta(days=1)  # read if nothing was read before
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def find_missed_calls() -> None:
    """Stage or revive a reading of Vapi's list, one at a time, if any line can take calls."""
    with recording():
        last = StagedJob.latest("read_missed_calls")
        if last is not None and last.state != "done":
            revive_job("read_missed_calls", last.key, 0.0)
        elif PhoneLine.has("holds_slot AND vapi_id IS NOT NULL"):
            since = _first_read_from() if last is None else _asked_at(last)
            stage("read_missed_calls", since, since, fair_to="")


@job(queue="periodic", calls_out=True, attempts=8, timeout=20, backoff=10.0)
def read_missed_calls(since: int, until: int = 0, is_last: int = 0) -> None:
    """Record calls that Vapi has listed since a little before `since` (microseconds) and never
    reported.

    Reads the first hour after `since`; with `until` (microseconds), the page of that hour that ends
    there. Stages a reading of the rest. A call that cannot be ours is logged. `is_last` says
    whether the first page was read with no end, however late the other pages are read.
    """
    begin, scan = EPOCH + timedelta(microseconds=since), Scan("missed call not recorded")
    end = begin + STRETCH
    if not until:
        is_last = int(end > real_now())
    before = EPOCH + timedelta(microseconds=until) if until else None if is_last else end
    found, rest = page_of_calls(begin - OVERLAP, before)
    for report in found:
        scan.attempt(report.id, partial(receive_call, report))
    with recording():
        if rest is not None:
            left = to_micros(rest)
            stage("read_missed_calls", f"{since}:{left}", since, left, is_last, fair_to="")
        elif not is_last:
            stage("read_missed_calls", to_micros(end), to_micros(end), fair_to="")


def _asked_at(last: StagedJob) -> int:
    """When the first page of the last reading was staged, in microseconds."""
    first = StagedJob.one("name = ? AND key = ?", last.name, last.key.partition(":")[0])
    return (first or last).created_at


def _first_read_from() -> int:
    """Where the first reading begins, in microseconds: at the last run of `find_missed_calls` by
    the previous release, in which that job read the list itself.
    """
    last_done = "state = 'done' AND name = ? ORDER BY id DESC LIMIT 1"
    done = StagedJob.one(last_done, "find_missed_calls")
    return to_micros(real_now() - FIRST) if done is None else done.created_at
