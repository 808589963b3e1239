"""Calls that wait for a slot are woken when one becomes free, so that no slot stays empty until a
waiting call retries.
"""

from models.base import to_micros
from models.transactions import execute, is_postgres, transaction
from runtime.clock import real_now
from runtime.settings import get_settings

# stored as `last_error` of the waiting job, by older releases too, and matched below
NO_SLOT = "as many calls as there may be are under way"
_FREE = "SELECT ? - COUNT(*) FROM call_slot WHERE number > 0 AND leased_until > ?"
# Accounts take turns: the one with the fewest calls under way first, and its oldest waiting call.
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
    """Make as many waiting calls due as there are free slots.

    Not inside a transaction, which would hold locks on their jobs: call it after the commit that
    freed a slot, and when a woken call does not need one. A call missed here retries anyway.
    """
    (free,) = execute(_FREE, (get_settings().call_slots, to_micros(real_now()))).fetchone()
    lock = " FOR UPDATE OF job SKIP LOCKED" if is_postgres() else ""
    for _ in range(free):
        with transaction():
            if not execute(f"{_WAKE}{lock})", (NO_SLOT,)).rowcount:
                return
