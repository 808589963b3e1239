"""How far each Stripe account's list of events was read: every event up to there is stored."""

from datetime import datetime, timedelta

from peewee import BigIntegerField, TextField

from models.base import Instant, Row

STALE = timedelta(hours=3)  # the list is read hourly
EVENTS_LISTED = timedelta(days=30)  # how long Stripe lists an event
READABLE_SECONDS = int(EVENTS_LISTED.total_seconds()) - 600  # ten minutes less, to be safe
# tolerance for a reading of the whole list that started late, or took long
NEARLY = timedelta(hours=1)


class StripeWatermark(Row):
    """The newest event of the last finished backfill of one Stripe account ('' is the platform's).

    `created` is in seconds.
    """

    stripe_account = TextField(primary_key=True)
    created = BigIntegerField()
    event_id = TextField(default="")
    updated_at = Instant()

    @classmethod
    def of(cls, stripe_account: str) -> "StripeWatermark | None":
        """The account's watermark, or None if its list was never read."""
        return cls.one("stripe_account = ?", stripe_account)

    @classmethod
    def record_reached(
        cls, stripe_account: str, since: int, created: int, event_id: str, now: datetime
    ) -> None:
        """Record that the list was read back to `since` (seconds) and that everything up to this
        event has been processed. A watermark never moves back.

        A reading that reached neither the watermark nor the oldest event that Stripe lists has left
        a gap, and moves nothing.
        """
        values = {
            "stripe_account": stripe_account,
            "created": created,
            "event_id": event_id,
            "updated_at": now,
        }
        cls.insert(values).on_conflict(
            conflict_target=[cls.stripe_account], action="IGNORE"
        ).execute()
        whole = cls.stripe_account == stripe_account
        if since > (now - EVENTS_LISTED + NEARLY).timestamp():
            whole &= cls.created >= since
        cls.update(updated_at=now).where(whole).execute()
        cls.update(created=created, event_id=event_id).where(
            whole & (cls.created <= created)
        ).execute()

    @classmethod
    def is_stale(cls, stripe_account: str, now: datetime) -> bool:
        """Whether this account's list was last read so long ago that events may be missing; False
        if it was never read.
        """
        known = cls.of(stripe_account)
        return known is not None and now - known.updated_at > STALE
