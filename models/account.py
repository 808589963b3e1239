"""A clinic: the tenant every other row belongs to."""

from peewee import TextField

from models.base import Instant, Row


class Account(Row):
    """One clinic. `stripe_account` is its own connected Stripe account, if it has one."""

    id = TextField(primary_key=True)
    name = TextField()
    time_zone = TextField(default="America/New_York")
    stripe_account = TextField(null=True, unique=True)
    created_at = Instant()
