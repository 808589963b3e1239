"""Numbers that a channel must not be used for: a landline takes no texts, a wrong number is somebody else's."""

from datetime import datetime

from peewee import BigAutoField, TextField

from models.base import Instant, Row


class PhoneSuppression(Row):
    """One number of one account that one channel is closed for, with the provider's code and the reason."""

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
    def suppress(cls, account_id: str, phone: str, channel: str, code: str, reason: str, now: datetime) -> None:
        """Close the channel for this number; closed once is closed."""
        values = {"account_id": account_id, "phone": phone, "channel": channel, "code": code, "reason": reason, "at": now}
        cls.insert(values).on_conflict(conflict_target=[cls.account_id, cls.phone, cls.channel], action="IGNORE").execute()

    @classmethod
    def of(cls, account_id: str, phone: str | None, channel: str) -> "PhoneSuppression | None":
        """Why the channel is closed for this number, if it is."""
        return cls.get_or_none((cls.account_id == account_id) & (cls.phone == phone) & (cls.channel == channel))

    @classmethod
    def lift(cls, account_id: str, phone: str, channel: str) -> bool:
        """A person knows better: the channel may be tried again. Answers whether it was closed."""
        return bool(cls.delete().where(cls.account_id == account_id, cls.phone == phone, cls.channel == channel).execute())
