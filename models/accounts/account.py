"""A clinic: the tenant that every other row belongs to."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from peewee import BigIntegerField, TextField

from models.base import Instant, Row
from rules.stripe_mode import mode_of_key
from runtime.settings import get_settings


def is_live() -> bool:
    """Whether money is real here, judged by our Stripe key: an installation has one mode."""
    return mode_of_key(get_settings().stripe_secret_key) == "live"


class Account(Row):
    """A clinic. `stripe_account` is its own connected Stripe account, if it has one. Events of its
    feed up to `feed_begins_after` have been deleted.
    """

    id = TextField(primary_key=True)
    name = TextField()
    time_zone = TextField(default="America/New_York")
    stripe_account = TextField(null=True, unique=True)
    created_at = Instant()
    feed_begins_after = BigIntegerField(null=True)

    @property
    def livemode(self) -> bool:
        """`is_live` under Stripe's name for it."""
        return is_live()

    def local_date(self, now: datetime) -> date:
        """The date in the account's time zone at `now`."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def next_midnight(self, now: datetime) -> datetime:
        """The end of the day that contains `now` in the account's time zone, in UTC."""
        return datetime.combine(
            self.local_date(now) + timedelta(days=1), time(), ZoneInfo(self.time_zone)
        ).astimezone(UTC)


def stripe_accounts() -> list[str]:
    """The Stripe accounts we use: the platform's ('') and the connected ones."""
    rows = (
        Account.select(Account.stripe_account)
        .where(Account.stripe_account.is_null(False))
        .order_by(Account.id)
    )
    return ["", *(row.stripe_account or "" for row in rows)]
