"""What `bench.growth` measures of `scan_overdue`: the time per customer who is due, and the memory.

Nobody is contacted: without consent the gate refuses every contact.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.growth_fill import fill_rows, vacuum
from delivery.attempt import Snooze
from jobs.scan_overdue import scan_overdue
from models.contact.contact_course import ContactCourse
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import execute, transaction
from runtime.clock import real_now

FEWEST, SHARE = 1_000, 100  # customers who are due: at least, and one in so many invoices
NEVER = 4_000_000_000_000_000  # microseconds; the year 2096
MEMORY = "scan_overdue, memory in addition"  # MiB
EACH = "scan_overdue, a person who is due"


def fill_due(size: int) -> int:
    """Give every customer a course, and add customers who are due for contact; return how many."""
    due = max(FEWEST, size // SHARE)
    with transaction():
        execute(
            "INSERT INTO contact_course (account_id, customer_id, next_at, version, channel, code,"
            f" reason) SELECT account_id, id, {NEVER}, 1, 'sms', '', '' FROM customer"
        )
        whose = {"customer_id": "'cu_due_' || {n:08}"}
        fill_rows(Customer, due, id=whose["customer_id"], name="'Pat'", phone="'+121' || {n:08}")
        fill_rows(
            Invoice,
            due,
            id="'inv_due_' || {n:08}",
            number="'due' || {n:08}",
            currency="'usd'",
            amount_due="100",
            outstanding="100",
            due_date="'2026-01-02'",
            mark="'sent'",
            status="'overdue'",
            **whose,
        )
        fill_rows(ContactCourse, due, next_at="0", version="1", **whose)
    vacuum()
    return due


def measured(size: int) -> Iterator[tuple[str, float]]:
    """Yield what two scans cost, by name. The second scan is timed: the first records a decision
    about everyone, because the reason is new.
    """
    due = fill_due(size)
    before = _peak_from_now()
    _scan(due)
    execute("UPDATE contact_course SET next_at = 0 WHERE next_at < ?", (NEVER,))
    begun = time.perf_counter()
    _scan(due)
    yield EACH, (time.perf_counter() - begun) / due
    yield MEMORY, (_peak() - before) / 1024


def _scan(due: int) -> None:
    """Scan until no one is due; exits unless everyone was considered."""
    while _is_snoozed(scan_overdue.perform):
        pass
    looked_at = ContactCourse.select().where(ContactCourse.code == "no_consent").count()
    if looked_at != due or ContactCourse.due(real_now(), (), 1):
        raise SystemExit(f"scan_overdue considered {looked_at} of {due} customers.")


def _is_snoozed(act: Callable[[], None]) -> bool:
    try:
        act()
    except Snooze:
        return True
    return False


def _peak_from_now() -> int:
    """Reset this process's peak memory, and return its present memory in KiB. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if told is None:
        raise SystemExit("/proc/self/status does not show VmHWM.")
    return int(told[1])
