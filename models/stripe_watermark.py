"""How far each Stripe account's list of events has been read: everything up to there is in the inbox."""

from datetime import datetime

from peewee import BigIntegerField, TextField

from models.base import Instant, Row


class StripeWatermark(Row):
    """The newest event of the last finished backfill of one Stripe account ('' is the platform's); `created` is seconds."""

    stripe_account = TextField(primary_key=True)
    created = BigIntegerField()
    event_id = TextField(default="")
    updated_at = Instant()

    @classmethod
    def of(cls, stripe_account: str) -> "StripeWatermark | None":
        """The account's watermark, if it has been read before."""
        return cls.get_or_none(cls.stripe_account == stripe_account)

    @classmethod
    def record_reached(cls, stripe_account: str, created: int, event_id: str, now: datetime) -> None:
        """Everything up to this event has been taken in; a watermark never falls."""
        values = {"created": created, "event_id": event_id, "updated_at": now}
        rising = (cls.created < created) | ((cls.created == created) & (cls.event_id != event_id))
        query = cls.insert(stripe_account=stripe_account, **values)
        query.on_conflict(conflict_target=[cls.stripe_account], update=values, where=rising).execute()
