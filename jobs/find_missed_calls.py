"""Calls that people made to a clinic while we could be told of none are found in Vapi's list, so
that what was said in them is heard.

Twice is harmless: a call is one row, whoever tells of it first, and what was said in it is heard
once. Vapi repeats no message. A reading begins before the last one that succeeded; what it finds is
followed as any other call: `poll_calls` reads how it ended and what was said.
"""

from datetime import datetime, timedelta

from actions.calling.receive import receive
from delivery.registry import job
from models.contact.contact_facts import moment
from models.delivery.staged_job import StagedJob
from models.deployment.phone_line import PhoneLine
from providers.vapi.calls import calls_since
from runtime.clock import real_now

OVERLAP = timedelta(minutes=10)
FIRST = timedelta(days=1)  # that are read where nothing has been before


@job(queue="periodic", calls_out=True, attempts=8, timeout=20, backoff=10.0)
def find_missed_calls() -> None:
    """Make ours what Vapi lists and we were never told of."""
    if PhoneLine.has("holds_slot AND vapi_id IS NOT NULL"):
        for told in calls_since(_read_to() - OVERLAP):
            receive(told)


def _read_to() -> datetime:
    done = "state = 'done' AND name = 'find_missed_calls' ORDER BY id DESC LIMIT 1"
    last = StagedJob.one(done)
    return (last and moment(last.created_at)) or real_now() - FIRST
