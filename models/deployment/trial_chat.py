"""A conversation in writing with a receptionist that is not deployed yet."""

from datetime import datetime
from typing import Any

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row


class TrialChat(Row):
    """`last_chat_id` is Vapi's, of the answer before; null until there was one."""

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    last_chat_id = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "id"), False),)

    def record(self, now: datetime, **values: Any) -> None:
        """Write the last answer's id."""
        self._write(now, **values)
