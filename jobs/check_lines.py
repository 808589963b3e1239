"""Check whether the first call that a clinic forwards has arrived at its receptionist.

Twice is harmless: it reads, and writes what it finds.
"""

from actions.deployment.numbers.forwarding import (
    CONFIRMED,
    confirm_forwarding,
    has_forwarded_call_arrived,
)
from delivery.attempt import recording
from delivery.registry import job
from models.delivery.stage import stage_again
from models.deployment.phone_line import PhoneLine
from runtime.clock import real_now

BATCH = 500


@job(queue="calls", calls_out=True, attempts=4, timeout=20)
def check_line(line_id: str) -> None:
    """Check whether the clinic's first forwarded call has arrived at line `line_id`."""
    line = PhoneLine.get_by_id(line_id)
    if line.state != "owned" or line.forwarding in {"", CONFIRMED}:
        return
    if has_forwarded_call_arrived(line, line.forwards_since):
        with recording():
            confirm_forwarding(line.id, line.wanted.get("forwards"), real_now())


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def check_lines() -> None:
    """Stage a check of every line that waits for its first forwarded call."""
    _check_after("")


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def check_more_lines(last_id: str) -> None:
    """Continue after line `last_id`, so that every line has its turn, however many wait."""
    _check_after(last_id)


def _check_after(last_id: str) -> None:
    waiting = "forwarding = 'awaiting_forwarding' AND holds_slot AND id > ? ORDER BY id LIMIT ?"
    with recording():
        lines = PhoneLine.all(waiting, last_id, BATCH)
        for line in lines:
            stage_again("check_line", line.id, line.id, fair_to=line.account_id)
        if len(lines) == BATCH:
            stage_again("check_more_lines", lines[-1].id, lines[-1].id, fair_to="")
