"""The clinics' phone numbers: one slot per account, and each number in one slot only."""

from datetime import datetime
from typing import Self

from peewee import SQL, BooleanField, IntegerField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row


class PhoneLine(Recorded, Row):
    """`reserved → owned → releasing → released`; `reserved` is the slot before anything is bought.

    It becomes `refused` if nothing can be bought for it. `wanted`: {phoneNumber?, areaCode?}, and
    later notes, such as which number `forwards`. `e164` is null until a number is chosen; `tries`
    counts the numbers tried. The line's id is the tag of the number at Twilio. `step_id` is the
    deployment step that waits for it; '' for a number bought on its own. `forwarding`: '' without
    forwarding, else awaiting_forwarding → confirmed. `source`: bought, ported, sip.
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
        """The line in the account's slot, or None."""
        return cls.one("account_id = ? AND holds_slot", account_id)

    @classmethod
    def without_texts(cls) -> list[Self]:
        """Ported numbers whose texts are not known to reach us yet, oldest first."""
        return cls.all("source = 'ported' AND state = 'owned' AND NOT text_live ORDER BY id")

    @classmethod
    def holder(cls, e164: str) -> Self | None:
        """The line that holds this number in its slot, or None."""
        return cls.one("e164 = ? AND holds_slot", e164)

    @classmethod
    def reached_at(cls, e164: str) -> Self | None:
        """The line that a text or call to this number at Twilio reaches, or None.

        Excludes SIP lines, whose accounts merely claim that the number is theirs.
        """
        return cls.one("e164 = ? AND holds_slot AND source <> 'sip'", e164)

    @property
    def forwards_since(self) -> datetime:
        """The time from which a call counts as forwarded by the clinic's own number."""
        since = self.wanted.get("forwardsSince")
        return self.created_at if since is None else datetime.fromisoformat(since)


# one number per account, and one account per number, however many buy at the same time
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
# ported numbers whose texts follow later
PhoneLine.add_index(
    PhoneLine.index(
        PhoneLine.id,
        where=SQL("source = 'ported' AND state = 'owned' AND NOT text_live"),
        name="phone_line_without_texts",
    )
)
