"""Opt-outs and opt-ins. Rows are never changed or deleted."""

from typing import Any

from peewee import JSONField, TextField

from models.base import Instant, Row
from models.contact.consent import Consent
from models.contact.contact_course import ContactCourse
from models.feed.emit import emit
from models.transactions import serialize_on
from rules.contact.channel_address import spellings
from rules.contact.opt_out.to_sender import counts_for_account
from runtime.clock import real_now
from runtime.ids import new_id

CHANNELS = ("sms", "voice")
BY_TEXT = ("inbound_sms", "twilio_21610")  # sources of opt-outs that Twilio knows of too


class OptOut(Row):
    """An opt-out or opt-in of a person, identified by account and number.

    The latest one for a channel applies. What is texted to a sender is also recorded without an
    account: an opt-out applies to every account that uses the sender, then or later; an opt-in only
    ends such opt-outs.
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
    def record(
        cls,
        account_id: str | None,
        phone: str,
        wish: str,
        channels: tuple[str, ...] | list[str],
        **words: Any,
    ) -> "OptOut":
        """Record an opt-out or opt-in under the person's lock, so that it commits either before or
        after any decision about them; its time is taken once the lock is held.

        `words`: words, source, recorded_by, and optionally sender, reference, and `at` if it was
        said earlier.
        """
        serialize_on(person_key(phone))
        values = {
            "account_id": account_id,
            "phone": phone,
            "wish": wish,
            "channels": sorted(set(channels)),
            "at": real_now(),
        }
        row: OptOut = cls.create(id=new_id("opt"), **values | words)
        if wish == "stop" and account_id is not None:
            ContactCourse.recheck_phone(account_id, phone)
            about = {
                "optOutId": row.id,
                "customerIds": [one.id for one in Consent.people_at(phone, [account_id])],
                "channels": row.channels,
                "source": row.source,
            }
            emit(account_id, "contact.opted_out", about, f"opt_out:{row.id}")
        return row

    @classmethod
    def latest(
        cls, account_id: str, senders: tuple[str, ...], phone: str, channel: str
    ) -> "OptOut | None":
        """The person's opt-out or opt-in for a channel that applies to this account: the latest one
        given to it, or a later opt-out given to a sender it uses.
        """
        told, heard = (
            next(iter(rows), None) for rows in cls._said(account_id, senders, phone, channel)
        )
        told_at = told.at if told is not None else None
        if heard is not None and counts_for_account(heard.wish, heard.at, told_at):
            return heard
        return told

    @classmethod
    def is_known_to_carrier(cls, account_id: str, senders: tuple[str, ...], phone: str) -> bool:
        """Whether the person opted out by text, so that Twilio blocks texts until they text START,
        whatever they have said in other ways since.
        """
        by_text = (
            next((row for row in rows if row.source in BY_TEXT), None)
            for rows in cls._said(account_id, senders, phone, "sms")
        )
        return any(row is not None and row.wish == "stop" for row in by_text)

    @classmethod
    def _said(
        cls, account_id: str, senders: tuple[str, ...], phone: str, channel: str
    ) -> "tuple[list[OptOut], list[OptOut]]":
        """What the person said about a channel to this account, and what to these senders without
        an account; newest first.

        During an upgrade, processes of an older release file opt-outs from RCS and WhatsApp under
        those channels' own spellings of the phone.
        """
        among, from_one = (
            ", ".join("?" for _ in many) for many in (spellings(phone), senders or (None,))
        )
        rows = cls.all(
            f"phone IN ({among}) AND (account_id = ? OR (account_id IS NULL AND sender IN"
            f" ({from_one}))) ORDER BY at DESC, id DESC",
            *spellings(phone),
            account_id,
            *(senders or (None,)),
        )
        said = [row for row in rows if channel in row.channels]
        return (
            [row for row in said if row.account_id is not None],
            [row for row in said if row.account_id is None],
        )

    @classmethod
    def holds(cls, account_id: str, senders: tuple[str, ...], phone: str, channel: str) -> bool:
        """Whether an opt-out is in force, i.e. the latest statement is a stop."""
        said = cls.latest(account_id, senders, phone, channel)
        return said is not None and said.wish == "stop"


def person_key(phone: str) -> str:
    """The key to lock while deciding about the person at a number, or recording an opt-out."""
    return f"person:{phone}"
