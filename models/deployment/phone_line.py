"""The numbers of clinics: one live slot per account, one per number over the installation."""

from datetime import datetime
from typing import Self

from peewee import SQL, BooleanField, IntegerField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row


class PhoneLine(Recorded, Row):
    """`reserved → owned → releasing → released`; reserved is the slot before anything is bought. It
    becomes `refused` when nothing can be bought for it.

    `wanted`: {phoneNumber?, areaCode?}, and what was noted since, such as which number `forwards`;
    `e164` is null until a number is chosen; `tries` is how many were. Its id is the tag of the
    number at Twilio. `step_id` names the deployment's step that waits for it; '' for a number that
    was bought on its own. `forwarding`: '' where nothing is forwarded, else awaiting_forwarding →
    confirmed. `source`: bought, ported, sip.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    e164 = TextField(null=True)
    state = TextField(default="reserved")
    holds_slot = BooleanField(default=True)
    source = TextField(default="bought")
    twilio_sid = TextField(null=True)
    vapi_id = TextField(null=True)
    wanted = JSONField(default=dict)
    tries = IntegerField(default=0)
    step_id = TextField(default="")
    asked_by = TextField()
    error_code = TextField(default="")
    error = TextField(default="")
    forwarding = TextField(default="")
    voice_live = BooleanField(default=False)
    text_live = BooleanField(default=False)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("account", "id"), False),)

    @classmethod
    def of(cls, account_id: str) -> Self | None:
        """The line in the account's slot, if it has one."""
        return cls.one("account_id = ? AND holds_slot", account_id)

    @classmethod
    def without_texts(cls) -> list[Self]:
        """Ported numbers whose texts are not known to come to us yet, oldest first."""
        return cls.all("source = 'ported' AND state = 'owned' AND NOT text_live ORDER BY id")

    @classmethod
    def holder(cls, e164: str) -> Self | None:
        """Whose slot this number is in, if it is in one."""
        return cls.one("e164 = ? AND holds_slot", e164)

    @classmethod
    def reached_at(cls, e164: str) -> Self | None:
        """Whose line a text or a call reaches that came to this number at Twilio: not that of who
        only says that the number is its own, and has calls come by SIP.
        """
        return cls.one("e164 = ? AND holds_slot AND source <> 'sip'", e164)

    @property
    def forwards_since(self) -> datetime:
        """From when on a call counts that the clinic's number has forwarded to it."""
        since = self.wanted.get("forwardsSince")
        return self.created_at if since is None else datetime.fromisoformat(since)


# whoever buys: one number for an account, and one account for a number
PhoneLine.add_index(
    PhoneLine.index(PhoneLine.account, unique=True, where=SQL("holds_slot"), name="phone_line_slot")
)
PhoneLine.add_index(
    PhoneLine.index(
        PhoneLine.e164,
        unique=True,
        where=SQL("holds_slot AND e164 IS NOT NULL"),
        name="phone_line_number",
    )
)
# numbers that have moved, whose texts follow later
PhoneLine.add_index(
    PhoneLine.index(
        PhoneLine.id,
        where=SQL("source = 'ported' AND state = 'owned' AND NOT text_live"),
        name="phone_line_without_texts",
    )
)
