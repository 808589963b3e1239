"""Decide by what has been paid whether due promises to pay were kept, and thank or remind the
customer.

Twice is harmless: each promise is decided once, under its invoice's lock, and its text is requested
in the transaction that records the decision.
"""

from collections.abc import Callable
from functools import partial

from actions.contact.follow_up import decide_when_known, follow_up
from delivery.registry import job
from delivery.scan import Scan
from models.base import to_micros
from models.contact.promise import Promise, Step
from runtime.clock import business_now

BATCH = 100


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def decide_promises(
    step: Step = "decided_from", since: int = 0, last_id: str = "", failed: int = 0, first: str = ""
) -> None:
    """Decide every open promise that is due, then request the texts that follow, in order of due
    time. Continues after `since` (microseconds) and `last_id`, where the last attempt stopped.

    A promise that fails is logged and does not block the others; the job fails at the end.
    """
    scan = Scan("promise not decided or followed up", failed, first)
    if step == "decided_from":
        _each(scan, step, decide_when_known, since, last_id)
        since, last_id = 0, ""
    _each(scan, "follow_at", follow_up, since, last_id)
    scan.end()


def _each(
    scan: Scan, step: Step, work: Callable[[Promise], object], since: int, last_id: str
) -> None:
    while batch := Promise.due(step, business_now(), since, last_id, BATCH):
        for promise in batch:
            scan.attempt(promise.id, partial(work, promise))
        since, last_id = to_micros(getattr(batch[-1], step)), batch[-1].id
        scan.snooze_if_long(step, since, last_id)
