"""A test call to a clinic's own number, which must arrive at its receptionist's number."""

from datetime import datetime
from typing import Self

from peewee import TextField

from models.base import ForeignKey, Instant, Recorded, Row, to_micros
from models.deployment.phone_line import PhoneLine


class ForwardingTest(Recorded, Row):
    """`asked → calling → arrived | not_arrived | refused`; `unknown` if it is in doubt whether the
    call was placed. `number` is the number called. `detail` tells the clinic what to do.
    """

    line_id: str
    id = TextField(primary_key=True)
    line = ForeignKey(PhoneLine, on_delete="CASCADE")
    number = TextField()
    state = TextField(default="asked")
    call_sid = TextField(null=True)
    detail = TextField(default="")
    asked_by = TextField()
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("line", "id"), False),)

    @classmethod
    def newest(cls, line_id: str) -> Self | None:
        """The last test of this line, or None."""
        return cls.one("line_id = ? ORDER BY id DESC LIMIT 1", line_id)

    @classmethod
    def made_since(cls, line_id: str, moment: datetime, limit: int) -> list[Self]:
        """Up to `limit` tests of this line that were requested after `moment`, newest first."""
        newest = "line_id = ? AND created_at > ? ORDER BY id DESC LIMIT ?"
        return cls.all(newest, line_id, to_micros(moment), limit)
