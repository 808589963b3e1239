"""Calls that people made to a clinic while we could be told of none are found in Vapi's list, so
that what was said in them is heard.

Twice is harmless: a call is one row, whoever tells of it first, and what was said in it is heard
once. Vapi repeats no message. A reading begins before the last one that succeeded was asked for;
what it finds is followed as any other call: `poll_calls` reads how it ended and what was said.

While Vapi is away one reading is tried again at growing intervals, and taken up anew once it has
given up: however long that lasts, it goes on from where the last one ended. What a long outage has
left is read an hour at a time, for Vapi lists so many calls and no more; and an hour page by page.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from actions.calling.receive import receive
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
STRETCH = timedelta(hours=1)  # that one reading asks for at most, but for the overlap
FIRST = timedelta(days=1)  # that are read where nothing has been before
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def find_missed_calls() -> None:
    """Have Vapi's list read, if anybody can call us: one reading at a time."""
    with recording():
        last = StagedJob.latest("read_missed_calls")
        if last is not None and last.state != "done":
            revive_job("read_missed_calls", last.key, 0.0)
        elif PhoneLine.has("holds_slot AND vapi_id IS NOT NULL"):
            since = _first_read_from() if last is None else _asked_at(last)
            stage("read_missed_calls", since, since, fair_to="")


@job(queue="periodic", calls_out=True, attempts=8, timeout=20, backoff=10.0)
def read_missed_calls(since: int, until: int = 0, is_last: int = 0) -> None:
    """Make ours what Vapi has listed since a little before a time (microseconds) and we were never
    told of; of more than an hour the first one, and of more than a page what is `until` a time: of
    the rest another reading is made. A call that cannot be ours is told in the log.

    `is_last`: whether the first page was asked for with no end, however late the others are.
    """
    begin, scan = EPOCH + timedelta(microseconds=since), Scan("missed call not taken in")
    end = begin + STRETCH
    if not until:
        is_last = int(end > real_now())
    before = EPOCH + timedelta(microseconds=until) if until else None if is_last else end
    found, rest = page_of_calls(begin - OVERLAP, before)
    for told in found:
        scan.tries(told.id, partial(receive, told))
    with recording():
        if rest is not None:
            left = to_micros(rest)
            stage("read_missed_calls", f"{since}:{left}", since, left, is_last, fair_to="")
        elif not is_last:
            stage("read_missed_calls", to_micros(end), to_micros(end), fair_to="")


def _asked_at(last: StagedJob) -> int:
    """When the first page of the last reading was asked for, in microseconds."""
    first = StagedJob.one("name = ? AND key = ?", last.name, last.key.partition(":")[0])
    return (first or last).created_at


def _first_read_from() -> int:
    """Where the first reading begins, in microseconds: at the last one of the release before this
    one, which was of the job itself.
    """
    last_done = "state = 'done' AND name = ? ORDER BY id DESC LIMIT 1"
    done = StagedJob.one(last_done, "find_missed_calls")
    return to_micros(real_now() - FIRST) if done is None else done.created_at
