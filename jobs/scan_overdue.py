"""Whoever is due for contact about what they owe is texted, called or handed to a person, as their
account's ladder says and the contact gate allows.

Twice is harmless: a look at a person and what is begun by it commit together, and the row that made
them due is written only if nothing has happened to it since.
"""

import time
from collections import Counter
from datetime import datetime, timedelta

from peewee import InterfaceError, OperationalError

from actions.contact.ladder.contact_if_due import OutOfTurn, look
from delivery.attempt import Snooze
from delivery.registry import job
from models.contact.contact_course import ContactCourse
from models.contact.planned_contact import PlannedContact
from runtime.clock import business_now
from runtime.errors import Conflict, PayphoneError
from runtime.log import get_log

BATCH = 200  # people read at a time
ENOUGH = 5.0  # seconds of an attempt, after which others in its queue have a turn
# texts and calls that one account begins within so much time, so that a late scan makes no burst
PACE = 25
WITHIN = timedelta(minutes=5)

log = get_log("job")


class NotLookedAt(PayphoneError):
    """Some people could not be looked at; the others were."""


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def scan_overdue() -> None:
    """Look at everybody whose turn it is, batch by batch, until nobody is left.

    One who cannot be looked at keeps no other from it: they are named in the log, and this job
    fails in the end.
    """
    run = _Run(business_now())
    begun = time.monotonic()
    while run.looks_at_a_batch():
        if time.monotonic() - begun > ENOUGH:
            raise Snooze("more people are due for contact", 0.0)
    if run.failed:
        raise NotLookedAt(
            f"People who could not be looked at: {len(run.failed)}, customer {min(run.failed)}"
            " first; each has a line in the log."
        )


class _Run:
    """One attempt: who failed in it, and which accounts have begun enough."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.failed: set[str] = set()
        self.resting: set[str] = set()
        self.begun: Counter[str] = Counter()

    def looks_at_a_batch(self) -> bool:
        """Look at the next people, longest due first; whether there may be more."""
        rows = ContactCourse.due(self.now, self.resting, BATCH)
        moved = [row.account_id in self.resting or self._moves(row.customer_id) for row in rows]
        return len(rows) == BATCH and any(moved)

    def _moves(self, customer_id: str) -> bool:
        """Look at one person; whether the next batch is another one by that."""
        try:
            look(customer_id, self.now, self._may_begin)
        except OutOfTurn:
            return True  # the account rests from now on
        except Conflict:
            return False  # they are looked at by the next batch, or the next scan
        except (OperationalError, InterfaceError):
            raise  # not a person's fault: a server that is away is so for the next one as well
        except Exception:
            log.exception("person not looked at", customer_id=customer_id)
            self.failed.add(customer_id)
            ContactCourse.put_off(customer_id, self.now + WITHIN)
        return True

    def _may_begin(self, account_id: str) -> bool:
        """Whether the account may begin one more contact, which is counted as begun."""
        if account_id not in self.begun:
            known = PlannedContact.performed_since(account_id, self.now - WITHIN)
            self.begun[account_id] = known
        if self.begun[account_id] >= PACE:
            self.resting.add(account_id)
            return False
        self.begun[account_id] += 1
        return True
