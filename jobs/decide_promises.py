"""Promises to pay whose day is over are decided by what has been paid, and the person is thanked or
reminded.

Twice is harmless: each promise is decided once, under its invoice's lock, and its text is asked for
in the transaction that writes down that it was.
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
    """Decide every open promise that is due, then text what follows, in the order in which they
    fell due; those after `since` (microseconds) and `last_id`, where an attempt has stopped.

    One that fails keeps no other from it: it is named in the log, and this job fails in the end.
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
            scan.tries(promise.id, partial(work, promise))
        since, last_id = to_micros(getattr(batch[-1], step)), batch[-1].id
        scan.rests(step, since, last_id)
