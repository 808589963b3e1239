"""Calls that wait because as many as there may be are under way: a slot that becomes free is told
to them, so that none stands empty until one of many looks again.
"""

from models.base import to_micros
from models.transactions import execute, is_postgres, transaction
from runtime.clock import real_now
from runtime.settings import get_settings

NO_SLOT = "as many calls as there may be are under way"
_FREE = "SELECT ? - COUNT(*) FROM call_slot WHERE number > 0 AND leased_until > ?"
# Accounts take turns: whoever has the fewest calls under way, and of theirs the oldest.
_WAKE = """
UPDATE staged_job SET due_at = {now}, pushed_at = NULL
WHERE state = 'waiting' AND due_at > {now} AND id = (
    SELECT job.id FROM staged_job AS job
    LEFT JOIN (
        SELECT call.account_id, COUNT(*) AS under_way
        FROM call_slot JOIN call ON call.id = call_slot.call_id GROUP BY call.account_id
    ) AS busy ON busy.account_id = job.fair_to
    WHERE job.state = 'waiting' AND job.name = 'dial_overdue' AND job.last_error = ?
        AND job.due_at > {now}
    ORDER BY COALESCE(busy.under_way, 0), job.id LIMIT 1"""


def wake_waiting(_freed: list[str] | None = None) -> None:
    """Make as many waiting calls due as there are free slots. Not in a transaction, which would
    hold their jobs' rows: after the commit that has freed a slot, and when a call that was woken
    does without one. Whoever is missed looks again.
    """
    (free,) = execute(_FREE, (get_settings().call_slots, to_micros(real_now()))).fetchone()
    lock = " FOR UPDATE OF job SKIP LOCKED" if is_postgres() else ""
    for _ in range(free):
        with transaction():
            if not execute(f"{_WAKE}{lock})", (NO_SLOT,)).rowcount:
                return
