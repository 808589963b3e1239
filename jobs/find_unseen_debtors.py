"""Find customers with overdue invoices whom the ladder has never considered: an older release
running beside this one during an upgrade marks invoices overdue without starting a course.

Twice is harmless: a customer has one course, and the scan reads the current state.
"""

import time

from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.contact.contact_course import ContactCourse

BATCH = 500
ENOUGH = 5.0  # seconds after which an attempt lets others in its queue have a turn


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def find_unseen_debtors() -> None:
    """Start a course for every customer with an overdue invoice and no course."""
    begun, has_more = time.monotonic(), True
    while has_more:
        with recording():
            has_more = ContactCourse.recheck_unseen(BATCH) == BATCH
        if has_more and time.monotonic() - begun > ENOUGH:
            raise Snooze("more customers have no course", 0.0)
