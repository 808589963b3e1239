"""The status of a sender's registration with the carriers when Twilio was last asked."""

from datetime import datetime
from typing import Self

from peewee import TextField

from models.base import Instant, Row
from models.contact.account_sender import AccountSender


class SenderRegistration(Row):
    """The registration of one messaging service or number, whichever accounts use it.

    `state`: approved, pending, unregistered, rejected. `code` is Twilio's, `reason` is for people.
    """

    sender = TextField(primary_key=True)
    state = TextField()
    code = TextField(default="")
    reason = TextField(default="")
    read_at = Instant()

    @classmethod
    def of(cls, sender: str) -> Self | None:
        """The sender's registration, or None if it was never looked up."""
        return cls.one("sender = ?", sender)

    @classmethod
    def in_trouble(cls, shared: str, limit: int) -> list[Self]:
        """Up to `limit` unapproved senders in use; `shared` is the installation's sender."""
        used = (
            "sender = ? OR EXISTS (SELECT 1 FROM account_sender s WHERE sender_registration.sender"
            " IN (s.messaging_service_sid, s.from_number))"
        )
        return cls.all(f"state <> 'approved' AND ({used}) ORDER BY sender LIMIT ?", shared, limit)

    @classmethod
    def record(cls, sender: str, state: str, code: str, reason: str, now: datetime) -> str:
        """Record what Twilio says, also for the accounts whose own sender it is.

        Returns the previous state, or ''.
        """
        before = cls.of(sender)
        values = {"state": state, "code": code, "reason": reason, "read_at": now}
        cls.insert(sender=sender, **values).on_conflict(
            conflict_target=[cls.sender], update=values
        ).execute()
        own = (AccountSender.messaging_service_sid == sender) | (
            AccountSender.from_number == sender
        )
        AccountSender.update(registration=state).where(own).execute()
        return before.state if before is not None else ""
