"""What `bench.growth` measures of `scan_overdue`: how long one person takes it who is due, and how
much memory it needs, among as many people and invoices as there are.

Nobody is contacted: they have consented to nothing, so the gate is asked and says no.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.growth_work import fill_rows
from delivery.attempt import Snooze
from jobs.scan_overdue import scan_overdue
from models.base import to_micros
from models.contact.contact_course import ContactCourse
from models.transactions import execute, is_postgres, transaction
from runtime.clock import real_now

FEWEST, SHARE = 1_000, 100  # who are due: one for so many invoices
NEVER = 4_000_000_000_000_000  # microseconds; the year 2096
MEMORY = "scan_overdue, memory in addition"  # in MiB
EACH = "scan_overdue, a person who is due"


def fill_due(size: int) -> int:
    """A course for everybody there is, and some people more who are due for contact: how many."""
    due, micros = max(FEWEST, size // SHARE), to_micros(real_now())
    with transaction():
        execute(
            "INSERT INTO contact_course (account_id, customer_id, next_at, version, channel, code,"
            f" reason) SELECT account_id, id, {NEVER}, 1, 'sms', '', '' FROM customer"
        )
        fill_rows(
            "customer",
            due,
            {
                "id": "'cu_due_' || {n:08}",
                "account_id": "'ac_large'",
                "name": "'Pat'",
                "phone": "'+121' || {n:08}",
                "language": "'en'",
                "stripe_vouched": "{false}",
                "created_at": str(micros),
                "updated_at": str(micros),
            },
        )
        fill_rows(
            "invoice",
            due,
            {
                "id": "'inv_due_' || {n:08}",
                "account_id": "'ac_large'",
                "customer_id": "'cu_due_' || {n:08}",
                "number": "'due' || {n:08}",
                "currency": "'usd'",
                **dict.fromkeys(("amount_due", "outstanding"), "100"),
                "due_date": "'2026-01-02'",
                "mark": "'sent'",
                "status": "'overdue'",
                **dict.fromkeys(("amount_received", "amount_returned", "amount_paid"), "0"),
                **dict.fromkeys(("overpaid", "balance_revision", "version"), "0"),
                **dict.fromkeys(("disputed", "mismatched"), "{false}"),
                "notes": "''",
                "created_at": str(micros),
                "updated_at": str(micros),
            },
        )
        fill_rows(
            "contact_course",
            due,
            {
                "customer_id": "'cu_due_' || {n:08}",
                "account_id": "'ac_large'",
                "next_at": "0",
                "version": "1",
                **dict.fromkeys(("channel", "code", "reason"), "''"),
            },
        )
    if is_postgres():
        execute("ANALYZE")
    return due


def measured(size: int) -> Iterator[tuple[str, float]]:
    """What two scans cost, by name. The second one's time counts: the first one keeps a decision
    about everybody, as it does whenever the reason is new.
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
    """Scan until nobody is left, and see that everybody was looked at."""
    while _is_snoozed(scan_overdue.perform):
        pass
    looked_at = ContactCourse.select().where(ContactCourse.code == "no_consent").count()
    if looked_at != due or ContactCourse.due(real_now(), (), 1):
        raise SystemExit(f"scan_overdue looked at {looked_at} people of {due}.")


def _is_snoozed(act: Callable[[], None]) -> bool:
    try:
        act()
    except Snooze:
        return True
    return False


def _peak_from_now() -> int:
    """Forget the most memory that this process has had; what it has now, in KiB. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if told is None:
        raise SystemExit("/proc/self/status does not tell VmHWM.")
    return int(told[1])
