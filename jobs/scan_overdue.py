"""Text, call or hand to staff each customer who is due for contact about what they owe, as their
account's ladder says and the contact gate allows.

Twice is harmless: a look at a customer and what it begins commit together, and the row that made
them due is written only if it has not changed since.
"""

import time
from collections import Counter
from datetime import datetime, timedelta

from peewee import InterfaceError, OperationalError

from actions.contact.ladder.contact_if_due import ContactQuotaReached, contact_if_due
from delivery.attempt import Snooze
from delivery.registry import job
from models.contact.contact_course import ContactCourse
from models.contact.planned_contact import PlannedContact
from runtime.clock import business_now
from runtime.errors import Conflict, SomeFailed
from runtime.log import get_log

BATCH = 200  # customers read at a time
ENOUGH = 5.0  # seconds after which an attempt lets others in its queue have a turn
# most contacts that one account begins in WITHIN, so that a late scan makes no burst
PACE = 25
WITHIN = timedelta(minutes=5)

log = get_log("job")


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def scan_overdue() -> None:
    """Look at every customer who is due, batch by batch, until none is left.

    A customer whose look fails is logged and does not block the others; the job fails at the end.
    """
    run = _Run(business_now())
    begun = time.monotonic()
    while run.looks_at_a_batch():
        if time.monotonic() - begun > ENOUGH:
            raise Snooze("more customers are due for contact", 0.0)
    if run.failed:
        raise SomeFailed(
            f"Customers that could not be looked at: {len(run.failed)}, customer {min(run.failed)}"
            " first; each has a line in the log."
        )


class _Run:
    """One attempt: the customers whose look failed, and the accounts that have begun enough."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.failed: set[str] = set()
        self.resting: set[str] = set()
        self.begun: Counter[str] = Counter()

    def looks_at_a_batch(self) -> bool:
        """Look at the next customers, longest due first, and return whether there may be more."""
        rows = ContactCourse.due(self.now, self.resting, BATCH)
        moved = [
            row.account_id in self.resting or self._makes_progress(row.customer_id) for row in rows
        ]
        return len(rows) == BATCH and any(moved)

    def _makes_progress(self, customer_id: str) -> bool:
        """Look at one customer. Returns False if they stay due, so that the next batch would start
        with them again.
        """
        try:
            contact_if_due(customer_id, self.now, self._may_begin)
        except ContactQuotaReached:
            return True  # the account has begun enough
        except Conflict:
            return False  # the next batch or the next scan looks at them
        except (OperationalError, InterfaceError):
            raise  # the database is down, which no single customer caused: stop here
        except Exception:
            log.exception("customer not looked at", customer_id=customer_id)
            self.failed.add(customer_id)
            ContactCourse.postpone(customer_id, self.now + WITHIN)
        return True

    def _may_begin(self, account_id: str) -> bool:
        """Whether the account may begin one more contact; if so, it is counted."""
        if account_id not in self.begun:
            known = PlannedContact.performed_since(account_id, self.now - WITHIN)
            self.begun[account_id] = known
        if self.begun[account_id] >= PACE:
            self.resting.add(account_id)
            return False
        self.begun[account_id] += 1
        return True
