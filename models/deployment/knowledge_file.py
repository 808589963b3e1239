"""A file that the receptionist answers from, stored at Vapi."""

from typing import Self

from peewee import BlobField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row


class KnowledgeFile(Recorded, Row):
    """`waiting → processing → done | failed`, and from any of them `deleting → deleted`.

    `content` is kept until Vapi has it. `size` is in bytes; `digest` is the content's SHA-256 as
    hex; `error` tells the clinic why it failed.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    name = TextField()
    content_type = TextField()
    size = IntegerField()
    digest = TextField()
    content = BlobField(null=True)
    state = TextField(default="waiting")
    vapi_id = TextField(null=True, unique=True)
    error = TextField(default="")
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "state"), False), (("state", "updated_at"), False))

    @classmethod
    def stored_for(cls, account_id: str) -> list[Self]:
        """The account's files, except deleted ones and those being deleted, oldest first."""
        where = "account_id = ? AND state NOT IN ('deleting', 'deleted') ORDER BY id"
        return cls.all(where, account_id)
