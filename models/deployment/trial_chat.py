"""A written trial conversation with a receptionist that is not deployed yet."""

from peewee import TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row


class TrialChat(Recorded, Row):
    """A trial conversation. `last_chat_id` is Vapi's id of its last answer, null before that."""

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    last_chat_id = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "id"), False),)
