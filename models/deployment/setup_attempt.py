"""An attempt at saving a card: one SetupIntent at Stripe."""

from datetime import datetime
from typing import Self

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row, to_micros


class SetupAttempt(Recorded, Row):
    """`planned → open → succeeded | failed | canceled`.

    Its id is the tag (`attempt_id`) of the intent at Stripe, whose client secret is never stored. A
    failed one may still succeed, with another card. `error`: Stripe's code for the failure, or its
    message if no intent was created.
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

    @classmethod
    def begun_since(cls, account_id: str, moment: datetime, limit: int) -> list[Self]:
        """Up to `limit` attempts of the account begun after `moment`, newest first."""
        return cls.all(
            "account_id = ? AND created_at > ? ORDER BY created_at DESC LIMIT ?",
            account_id,
            to_micros(moment),
            limit,
        )

    @classmethod
    def that_saved(cls, account_id: str, payment_method_id: str | None) -> Self | None:
        """The newest attempt by which the account saved this payment method, or None."""
        return cls.one(
            "account_id = ? AND payment_method_id = ? ORDER BY created_at DESC LIMIT 1",
            account_id,
            payment_method_id,
        )
