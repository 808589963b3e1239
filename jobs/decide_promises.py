"""Promises to pay whose day is over are decided by what has been paid, and the person is thanked or
reminded.

Twice is harmless: each promise is decided once, under its invoice's lock, and its text is asked for
in the transaction that writes down that it was.
"""

import time
from collections.abc import Callable

from peewee import InterfaceError, OperationalError

from actions.contact.follow_up import decide_when_known, follow_up
from delivery.attempt import Snooze
from delivery.registry import job
from models.contact.promise import Promise
from runtime.clock import business_now
from runtime.errors import PayphoneError
from runtime.log import get_log

BATCH = 100
ENOUGH = 5.0  # seconds of an attempt, after which others in its queue have a turn

log = get_log("job")


class NotDecided(PayphoneError):
    """Some promises could not be decided or followed up; the others were."""


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def decide_promises() -> None:
    """Decide every open promise that is due, then text what follows. One that fails keeps no other
    from it: it is named in the log, and this job fails in the end.
    """
    begun, wrong, last = time.monotonic(), [], None
    while batch := Promise.to_decide(business_now(), last, BATCH):
        wrong += [promise.id for promise in batch if not _worked(decide_when_known, promise)]
        last = batch[-1]
        _stop_after(begun)
    last = None
    while batch := Promise.to_follow_up(business_now(), last, BATCH):
        wrong += [promise.id for promise in batch if not _worked(follow_up, promise)]
        last = batch[-1]
        _stop_after(begun)
    if wrong:
        raise NotDecided(
            f"Promises that could not be decided or followed up: {len(wrong)}, {wrong[0]} first;"
            " each has a line in the log."
        )


def _worked(do: Callable[[Promise], object], promise: Promise) -> bool:
    """Whether it was done without an error; one that is its own keeps no other from being done."""
    try:
        do(promise)
    except (OperationalError, InterfaceError):
        raise  # not a promise's fault: a server that is away is so for the next one as well
    except Exception:
        log.exception("promise not decided or followed up", promise_id=promise.id)
        return False
    return True


def _stop_after(begun: float) -> None:
    if time.monotonic() - begun > ENOUGH:
        raise Snooze("more promises are due", 0.0)
