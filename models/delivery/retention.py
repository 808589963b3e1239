"""Deletion of old rows: how long each kind is kept, and how the oldest are deleted in batches.

Ages are in days of the database's clock. A batch is a range of an index: most ids grow with time,
so the first rows by id are the oldest, and no others are read.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models.transactions import execute
from runtime.clock import real_now

DAY_MICROSECONDS = 86_400_000_000
FRONT = 2_000  # how many rows at the front are searched for the first that is not old


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of `table` are kept for `days`. `which` selects the ids of up to ? older ones."""

    table: str
    days: float
    which: str
    id: str = "id"

    @property
    def sql(self) -> str:
        """The statement that deletes a batch; its parameter is the batch size."""
        which = self.which.replace("{age}", _microseconds(self.days))
        return f"DELETE FROM {self.table} WHERE {self.id} IN ({which})"

    def delete(self, batch: int) -> int:
        """Delete up to `batch` rows and return how many."""
        return int(execute(self.sql, (batch,)).rowcount)


def _microseconds(days: float) -> str:
    return str(int(days * DAY_MICROSECONDS))


def _by(table: str, column: str, where: str = "", id: str = "id") -> str:
    return (
        f"SELECT {id} FROM {table} WHERE {where}{column} < {{now}} - {{age}} ORDER BY {column}"
        " LIMIT ?"
    )


def _oldest(
    table: str,
    column: str,
    where: str = "",
    *,
    before: str = "{now} - {age}",
    rows: str = "id",
    top: str = "",
) -> str:
    """Select the first rows by id whose `column` is earlier than `before`.

    The range ends at the first row that is not, if that is near the front, else at the id `top`, by
    default the last.

    The last row stays, however old: SQLite would give its id to the next row, but readers of the
    feed are past that id already, and jobs were staged under it.
    """
    top = top or f"(SELECT MAX(id) FROM {table})"
    return (
        f"SELECT {rows} FROM {table} oldest WHERE id < COALESCE((SELECT id FROM (SELECT id,"
        f" {column} FROM {table} ORDER BY id LIMIT {FRONT}) front WHERE {column} >= {before}"
        f" LIMIT 1), {top}) AND {where}{column} < {before} ORDER BY id LIMIT ?"
    )


FEED_DAYS = 90
TALLY_DAYS = 31

_NOT_THE_LATEST = (
    "(state <> 'done' OR EXISTS (SELECT 1 FROM reconciliation l WHERE l.stripe_account ="
    " oldest.stripe_account AND l.state = 'done' AND l.id > oldest.id))"
)

KEPT = (
    Retention(
        "staged_job",
        31,
        _by("staged_job", "finished_at", "state NOT IN ('waiting', 'running', 'dead') AND "),
    ),
    Retention("idempotency_key", 2, _by("idempotency_key", "created_at")),
    Retention("oauth_state", 0, _by("oauth_state", "expires_at", id="hash"), "hash"),
    Retention("operator_session", 0, _by("operator_session", "expires_at", id="hash"), "hash"),
    Retention(
        "webhook_delivery", 31, _oldest("webhook_delivery", "created_at", "state <> 'waiting' AND ")
    ),
    Retention(
        "reconciliation",
        90,
        _oldest("reconciliation", "created_at", f"state <> 'running' AND {_NOT_THE_LATEST} AND "),
    ),
    Retention("backfill", 90, _oldest("backfill", "created_at", "state <> 'running' AND ")),
    Retention("contact_decision", 4 * 365.25, _oldest("contact_decision", "at", top="'z'")),
)


_OLD_EVENTS = _oldest("outgoing_event", "created_at", rows="id, account_id").replace(
    "{age}", _microseconds(FEED_DAYS)
)


def delete_old_events(batch: int) -> int:
    """Delete up to `batch` events of the feed with their deliveries, record in their accounts where
    the feed now begins, and return how many.
    """
    rows: list[Any] = execute(_OLD_EVENTS, (batch,)).fetchall()
    last = {account_id: event_id for event_id, account_id in sorted(rows)}
    for account_id, event_id in sorted(last.items()):
        execute("UPDATE account SET feed_begins_after = ? WHERE id = ?", (event_id, account_id))
    if rows:
        execute(
            f"DELETE FROM outgoing_event WHERE id IN ({', '.join('?' for _ in rows)})",
            tuple(row[0] for row in rows),
        )
    return len(rows)


_OLD_TALLIES = f"DELETE FROM daily_tally WHERE id IN ({_oldest('daily_tally', 'day', before='?')})"


def delete_old_tallies(batch: int) -> int:
    """Delete up to `batch` old daily counts and return how many."""
    day = (real_now() - timedelta(days=TALLY_DAYS)).date().isoformat()
    return int(execute(_OLD_TALLIES, (day, day, batch)).rowcount)
