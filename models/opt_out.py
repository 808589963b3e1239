"""What people said about being contacted at all: stop, or start again. Nothing here is ever changed or deleted."""

from typing import Any

from peewee import JSONField, TextField

from models.base import Instant, Row, serialize_on
from models.emit import emit
from runtime.clock import real_now
from runtime.ids import new_id

CHANNELS = ("sms", "voice")
BY_TEXT = ("inbound_sms", "twilio_21610")  # sources of what Twilio heard as well


class OptOut(Row):
    """One statement of one person, known by account and number. The latest about a channel holds.

    A stop sent to a sender that several accounts share, or that is nobody's, has no account: it holds for
    whoever uses that sender.
    """

    id = TextField(primary_key=True)
    account_id = TextField(null=True)
    sender = TextField(default="")
    phone = TextField()
    wish = TextField(default="stop")
    channels = JSONField()
    words = TextField(default="")
    source = TextField()
    reference = TextField(null=True)
    recorded_by = TextField()
    at = Instant()

    class Meta:
        indexes = ((("phone", "at"), False), (("account_id", "at"), False))

    @classmethod
    def record(cls, account_id: str | None, phone: str, wish: str, channels: tuple[str, ...] | list[str], **words: Any) -> "OptOut":
        """Keep a statement; whoever decides about this person in another transaction waits for it, or is waited for: the time is taken after that.

        `words`: words, source, recorded_by, and perhaps sender, reference, and `at` when it was not said just now.
        """
        serialize_on(person_key(phone))
        values = {"account_id": account_id, "phone": phone, "wish": wish, "channels": sorted(set(channels)), "at": real_now()}
        row: OptOut = cls.create(id=new_id("opt"), **values | words)
        if wish == "stop" and account_id is not None:
            emit(account_id, "contact.opted_out", {"optOutId": row.id, "channels": row.channels, "source": row.source}, f"opt_out:{row.id}")
        return row

    @classmethod
    def latest(cls, account_id: str, senders: tuple[str, ...], phone: str, channel: str) -> "OptOut | None":
        """The latest that this person said about a channel to this account, or to a sender it uses."""
        said = (cls.account_id == account_id) | (cls.account_id.is_null() & cls.sender.in_(senders))
        rows = cls.select().where((cls.phone == phone) & said).order_by(cls.at.desc(), cls.id.desc())
        return next((row for row in rows if channel in row.channels), None)

    @classmethod
    def holds(cls, account_id: str, senders: tuple[str, ...], phone: str, channel: str) -> bool:
        """Whether that was stop."""
        said = cls.latest(account_id, senders, phone, channel)
        return said is not None and said.wish == "stop"

    @property
    def is_known_to_carrier(self) -> bool:
        """Whether it came by text, so that Twilio keeps it too and lets no text through until the person texts START."""
        return self.source in BY_TEXT


def person_key(phone: str) -> str:
    """What everybody holds who decides about, or hears from, the person at this number."""
    return f"person:{phone}"
