"""Deleting old rows: how long each kind is kept, and how the oldest are deleted in batches.

Ages are days of the database's clock. A batch is a range of an index: most ids grow with time, so
the first rows by id are the oldest, and only those are looked at.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models.transactions import execute
from runtime.clock import real_now

DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of `table` are kept for `days`; `which` picks the ids of up to ? rows older than ?
    microseconds.
    """

    table: str
    days: float
    which: str
    id: str = "id"

    @property
    def sql(self) -> str:
        """The statement that deletes a batch. Parameters: the age in microseconds, then the batch's
        size.
        """
        return f"DELETE FROM {self.table} WHERE {self.id} IN ({self.which})"

    def delete(self, batch: int) -> int:
        """Delete up to `batch` rows; how many."""
        return int(execute(self.sql, (int(self.days * DAY_MICROSECONDS), batch)).rowcount)


def _by(table: str, column: str, where: str = "", id: str = "id") -> str:
    return f"SELECT {id} FROM {table} WHERE {where}{column} < {{now}} - ? ORDER BY {column} LIMIT ?"


def _oldest(table: str, column: str, where: str = "") -> str:
    """The first rows by id. LIMIT would apply before the age filter, so filter outside a limited
    subquery.
    """
    return (
        f"SELECT id FROM (SELECT * FROM {table} ORDER BY id LIMIT {FRONT}) oldest WHERE"
        f" {where}{column} < {{now}} - ? LIMIT ?"
    )


FRONT = 2_000  # rows that are looked at by id; more than a batch
FEED_DAYS = 90
TALLY_DAYS = 31

_NOT_THE_LATEST = (
    "(state <> 'done' OR EXISTS (SELECT 1 FROM reconciliation l WHERE l.stripe_account ="
    " oldest.stripe_account AND l.state = 'done' AND l.id > oldest.id))"
)

KEPT = (
    Kept(
        "staged_job",
        31,
        _by("staged_job", "finished_at", "state NOT IN ('waiting', 'running', 'dead') AND "),
    ),
    Kept("idempotency_key", 2, _by("idempotency_key", "created_at")),
    Kept("oauth_state", 0, _by("oauth_state", "expires_at", id="hash"), "hash"),
    Kept("operator_session", 0, _by("operator_session", "expires_at", id="hash"), "hash"),
    Kept(
        "webhook_delivery", 31, _oldest("webhook_delivery", "created_at", "state <> 'waiting' AND ")
    ),
    Kept(
        "reconciliation",
        90,
        _oldest("reconciliation", "created_at", f"state <> 'running' AND {_NOT_THE_LATEST} AND "),
    ),
    Kept("backfill", 90, _oldest("backfill", "created_at", "state <> 'running' AND ")),
    Kept("contact_decision", 4 * 365.25, _oldest("contact_decision", "at")),
)


def delete_old_events(batch: int) -> int:
    """Delete up to `batch` events of the feed with their deliveries, and record in their accounts
    where the feed now begins; how many.
    """
    sql = _oldest("outgoing_event", "created_at").replace("SELECT id", "SELECT id, account_id", 1)
    rows: list[Any] = execute(sql, (FEED_DAYS * DAY_MICROSECONDS, batch)).fetchall()
    last = {account_id: event_id for event_id, account_id in sorted(rows)}
    for account_id, event_id in sorted(last.items()):
        execute("UPDATE account SET feed_begins_after = ? WHERE id = ?", (event_id, account_id))
    if rows:
        execute(
            f"DELETE FROM outgoing_event WHERE id IN ({', '.join('?' for _ in rows)})",
            tuple(row[0] for row in rows),
        )
    return len(rows)


def delete_old_tallies(batch: int) -> int:
    """Delete up to `batch` old daily counts; how many."""
    day = (real_now() - timedelta(days=TALLY_DAYS)).date().isoformat()
    which = (
        f"SELECT id FROM (SELECT id, day FROM daily_tally ORDER BY id LIMIT {FRONT}) oldest WHERE"
        " day < ? LIMIT ?"
    )
    return int(execute(f"DELETE FROM daily_tally WHERE id IN ({which})", (day, batch)).rowcount)
