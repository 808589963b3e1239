"""A backfill: read one Stripe account's list of events back to a given time, one page per job."""

from datetime import datetime
from typing import Any

from peewee import BigAutoField, BigIntegerField, FloatField, IntegerField, TextField

from models.base import Instant, Row


class Backfill(Row):
    """One run: `running → done | failed`.

    `since` and `newest_created` are Stripe's seconds. `cursor` is the last event read; the next
    page starts after it. `rate` is how many missing events are processed per second (0: no limit).
    """

    id = BigAutoField()
    stripe_account = TextField(default="")
    since = BigIntegerField()
    cursor = TextField(default="")
    page = IntegerField(default=0)
    newest_created = BigIntegerField(default=0)
    newest_id = TextField(default="")
    seen = IntegerField(default=0)
    missing = IntegerField(default=0)
    rate = FloatField(default=0.0)
    state = TextField(default="running")
    error = TextField(null=True)
    asked_by = TextField()
    created_at = Instant()
    finished_at = Instant(null=True)

    class Meta:
        indexes = ((("stripe_account", "state"), False), (("state", "id"), False))

    def record_page(self, cursor: str, newest: tuple[int, str], seen: int, missing: int) -> None:
        """Record that a page has been processed completely."""
        values: dict[str, Any] = {
            "cursor": cursor,
            "page": self.page + 1,
            "seen": self.seen + seen,
            "missing": self.missing + missing,
        }
        if self.page == 0:
            values |= {"newest_created": newest[0], "newest_id": newest[1]}
        self._write(**values)

    def record_finished(self, now: datetime) -> None:
        """Record that the list has been read back to `since`."""
        self._write(state="done", finished_at=now)

    def record_failed(self, error: str, now: datetime) -> None:
        """Record that the run cannot go on: Stripe denies access to the list, or its job died."""
        self._write(state="failed", error=error[:500], finished_at=now)
