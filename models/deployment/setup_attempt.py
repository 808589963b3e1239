"""An attempt at saving a card: one SetupIntent at Stripe."""

from datetime import datetime
from typing import Any

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row


class SetupAttempt(Row):
    """`planned → open → succeeded | failed | canceled`. Its id is the tag (`attempt_id`) of the
    intent at Stripe, whose client secret is never kept.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    state = TextField(default="planned")
    setup_intent_id = TextField(null=True, unique=True)
    payment_method_id = TextField(null=True)
    error = TextField(default="")
    asked_by = TextField()
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "created_at"), False),)

    def record(self, now: datetime, **values: Any) -> None:
        """Write what became of it."""
        self._write(now, **values)
