"""A bill from a clinic's current carrier, required to port a number."""

from datetime import datetime
from typing import Self

from peewee import SQL, BlobField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row, to_micros
from models.transactions import execute


class PortDocument(Recorded, Row):
    """A bill. `content` is kept until Twilio has it, as `twilio_sid`, or it has been unused for
    weeks. `size` is in bytes; `digest` is the content's SHA-256 as hex.
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
    def stored_for(cls, account_id: str) -> list[Self]:
        """The account's bills whose content we still have, oldest first."""
        return cls.all("account_id = ? AND content IS NOT NULL ORDER BY id", account_id)

    @classmethod
    def forget_unused(cls, before: datetime, most: int) -> int:
        """Erase the content of up to `most` bills created before `before`, oldest first, and return
        how many. The rows stay, because deployments may refer to them.

        Bills of an account with a deployment in its slot are skipped: it may still need them.
        """
        sql = (
            "UPDATE port_document SET content = NULL WHERE id IN (SELECT id FROM port_document"
            " WHERE content IS NOT NULL AND created_at < ? AND NOT EXISTS (SELECT 1 FROM deployment"
            " WHERE deployment.account_id = port_document.account_id AND holds_slot)"
            " ORDER BY created_at LIMIT ?)"
        )
        return int(execute(sql, (to_micros(before), most)).rowcount)

    @property
    def can_be_given(self) -> bool:
        """Whether Twilio has it, or we can still upload it."""
        return bool(self.twilio_sid) or self.content is not None


PortDocument.add_index(
    PortDocument.index(
        PortDocument.created_at, where=SQL("content IS NOT NULL"), name="port_document_kept"
    )
)
