"""A bill of a clinic's present carrier, without which no number is ported."""

from datetime import datetime
from typing import Self

from peewee import SQL, BlobField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row, to_micros
from models.transactions import execute


class PortDocument(Recorded, Row):
    """`content` is here until Twilio has it, as `twilio_sid`, or nobody has used it for weeks.
    `size` in bytes; `digest` is SHA-256 of the content, in hex.
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

    @classmethod
    def forget_unused(cls, before: datetime, most: int) -> int:
        """Keep no content any longer of up to `most` bills from before a time that Twilio was never
        given, the oldest first; of how many. Those of an account are left that has a deployment
        which may need them yet. The rows stay: a deployment may name them.
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
        """Whether Twilio has it, or can be given it still."""
        return bool(self.twilio_sid) or self.content is not None


PortDocument.add_index(
    PortDocument.index(
        PortDocument.created_at, where=SQL("content IS NOT NULL"), name="port_document_kept"
    )
)
