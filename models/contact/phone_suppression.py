"""Suppressed numbers, which must not be contacted over a channel: a landline cannot receive texts,
a wrong number belongs to another person.
"""

from datetime import datetime

from peewee import BigAutoField, TextField

from models.base import Instant, Row
from models.contact.contact_course import ContactCourse
from models.contact.opt_out import person_key
from models.transactions import serialize_on


class PhoneSuppression(Row):
    """A number suppressed for an account and channel, with the provider's code and the reason."""

    id = BigAutoField()
    account_id = TextField()
    phone = TextField()
    channel = TextField()
    code = TextField()
    reason = TextField()
    at = Instant()

    class Meta:
        indexes = ((("account_id", "phone", "channel"), True),)

    @classmethod
    def suppress(
        cls, account_id: str, phone: str, channel: str, code: str, reason: str, now: datetime
    ) -> None:
        """Suppress this number for the channel, serialized with decisions about it. Idempotent."""
        serialize_on(person_key(phone))
        values = {
            "account_id": account_id,
            "phone": phone,
            "channel": channel,
            "code": code,
            "reason": reason,
            "at": now,
        }
        cls.insert(values).on_conflict(
            conflict_target=[cls.account_id, cls.phone, cls.channel], action="IGNORE"
        ).execute()
        ContactCourse.recheck_phone(account_id, phone)

    @classmethod
    def of(cls, account_id: str, phone: str | None, channel: str) -> "PhoneSuppression | None":
        """The suppression of this number for the channel, or None."""
        where = "account_id = ? AND phone = ? AND channel = ?"
        return cls.one(where, account_id, phone, channel)

    @classmethod
    def lift(cls, account_id: str, phone: str, channel: str) -> bool:
        """Delete the suppression, because a person knows better. Returns whether there was one."""
        return bool(
            cls.delete()
            .where(cls.account_id == account_id, cls.phone == phone, cls.channel == channel)
            .execute()
        )
