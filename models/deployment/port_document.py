"""A bill of a clinic's present carrier, without which no number is ported."""

from datetime import datetime
from typing import Any, Self

from peewee import BlobField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row


class PortDocument(Row):
    """`content` is here until Twilio has it, as `twilio_sid`. `size` in bytes; `digest` is SHA-256
    of the content, in hex.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    name = TextField()
    content_type = TextField()
    size = IntegerField()
    digest = TextField()
    content = BlobField(null=True)
    twilio_sid = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "id"), False),)

    @classmethod
    def kept_by(cls, account_id: str) -> list[Self]:
        """The account's bills whose content we still have, oldest first."""
        return cls.all("account_id = ? AND content IS NOT NULL ORDER BY id", account_id)

    def record(self, now: datetime, **values: Any) -> None:
        """Write what became of it."""
        self._write(now, **values)
