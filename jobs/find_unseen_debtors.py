"""Whoever owes something overdue, and was never looked at by the ladder, is looked at: an older
release, which runs beside this one during an upgrade, lets invoices become overdue without a look.

Twice is harmless: a person has one course, and a look at them finds what is.
"""

import time

from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.contact.contact_course import ContactCourse

BATCH = 500
ENOUGH = 5.0  # seconds of an attempt, after which others in its queue have a turn


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def find_unseen_debtors() -> None:
    """Have the scan look at everybody who owes something overdue and was never looked at."""
    begun, has_more = time.monotonic(), True
    while has_more:
        with recording():
            has_more = ContactCourse.look_at_unseen(BATCH) == BATCH
        if has_more and time.monotonic() - begun > ENOUGH:
            raise Snooze("more people were never looked at", 0.0)
