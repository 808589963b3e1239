"""How far each Stripe account's list of events has been read: everything up to there is in the
inbox.
"""

from datetime import datetime, timedelta

from peewee import BigIntegerField, TextField

from models.base import Instant, Row

STALE = timedelta(hours=3)  # it is read hourly
EVENTS_LISTED = timedelta(days=30)  # for which Stripe lists an event
READABLE_SECONDS = int(EVENTS_LISTED.total_seconds()) - 600  # less ten minutes
# that a reading of all that Stripe lists may have begun late, and taken
NEARLY = timedelta(hours=1)


class StripeWatermark(Row):
    """The newest event of the last finished backfill of one Stripe account ('' is the platform's);
    `created` is seconds.
    """

    stripe_account = TextField(primary_key=True)
    created = BigIntegerField()
    event_id = TextField(default="")
    updated_at = Instant()

    @classmethod
    def of(cls, stripe_account: str) -> "StripeWatermark | None":
        """The account's watermark, if it has been read before."""
        return cls.one("stripe_account = ?", stripe_account)

    @classmethod
    def record_reached(
        cls, stripe_account: str, since: int, created: int, event_id: str, now: datetime
    ) -> None:
        """The list was just read back to `since` (seconds), and everything up to this event has
        been processed; a watermark never falls.

        A reading that reached neither the watermark nor the oldest event Stripe lists left a gap
        and moves nothing.
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
