"""A clinic: the tenant every other row belongs to."""

from peewee import BigIntegerField, TextField

from models.base import Instant, Row


class Account(Row):
    """One clinic. `stripe_account` is its own connected Stripe account, if it has one; events of its feed up to `feed_begins_after` have been deleted."""

    id = TextField(primary_key=True)
    name = TextField()
    time_zone = TextField(default="America/New_York")
    stripe_account = TextField(null=True, unique=True)
    created_at = Instant()
    feed_begins_after = BigIntegerField(null=True)
