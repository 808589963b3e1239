"""A file that the receptionist answers from, kept at Vapi."""

from typing import Self

from peewee import BlobField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row


class KnowledgeFile(Recorded, Row):
    """`waiting → processing → done | failed`, and from any of them `deleting → deleted`.

    `content` is here until Vapi has it. `size` in bytes; `digest` is SHA-256 of the content, in
    hex; `error` says why it failed, in words for the clinic.
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
    def kept_by(cls, account_id: str) -> list[Self]:
        """The account's files that are neither deleted nor to be deleted, oldest first."""
        where = "account_id = ? AND state NOT IN ('deleting', 'deleted') ORDER BY id"
        return cls.all(where, account_id)
