"""Check whether a test call to a clinic has arrived at its receptionist.

Twice is harmless: it reads, and writes what it finds.
"""

from actions.deployment.numbers.forwarding import (
    ARRIVES_WITHIN,
    CHANGED_SINCE,
    NOT_ARRIVED,
    confirm_forwarding,
    has_forwarded_call_arrived,
)
from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.deployment.forwarding_test import ForwardingTest
from models.deployment.phone_line import PhoneLine
from runtime.clock import real_now

AGAIN_IN = 5.0  # seconds


@job(queue="calls", calls_out=True, attempts=12, timeout=20)
def check_forwarding(test_id: str) -> None:
    """Look for the call of row `test_id` until it has arrived or two minutes have passed."""
    test = ForwardingTest.get_by_id(test_id)
    if test.state not in {"calling", "unknown"}:
        return
    line, now = PhoneLine.get_by_id(test.line_id), real_now()
    is_forwarded = line.wanted.get("forwards") == test.number
    has_arrived = is_forwarded and has_forwarded_call_arrived(line, test.created_at)
    if is_forwarded and not has_arrived and now - test.created_at < ARRIVES_WITHIN:
        raise Snooze(f"test {test.id}: the call has not arrived yet", AGAIN_IN)
    with recording():
        if has_arrived:
            is_forwarded = confirm_forwarding(line.id, test.number, now)
        if has_arrived and is_forwarded:
            test.record(now, state="arrived", detail="")
        else:
            why = NOT_ARRIVED if is_forwarded else CHANGED_SINCE
            test.record(now, state="not_arrived", detail=why)
