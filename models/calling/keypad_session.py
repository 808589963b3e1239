"""A card being entered on the phone's keypad during a call: at Twilio, never here."""

from datetime import datetime
from typing import Any, Self

from peewee import SQL, BigIntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.calling.call import Call
from models.invoices.invoice import Invoice
from runtime.ids import new_id

OPEN = "state IN ('starting', 'capturing', 'completing')"
GOING_ON = "state IN ('ordered', 'starting', 'capturing', 'completing')"


class KeypadSession(Row):
    """`(ordered →) starting → capturing → completing → captured → over`, or `failed`; one open
    session a call. `ordered`: the clinic wants it, and the person in the call has not agreed yet;
    nothing is there at Twilio.

    `capturing` is what Twilio is being given: payment-card-number, expiration-date, security-code,
    postal-code. `carrier_id` is the call's at Twilio, `payment_sid` the session's. No digit of a
    card is ever in it: Twilio gives a payment method, which `confirmation_id` has charged.
    """

    account_id: str
    call_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    call = ForeignKey(Call, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, on_delete="CASCADE")
    amount = BigIntegerField()
    carrier_id = TextField()
    payment_sid = TextField(null=True, unique=True)
    state = TextField(default="starting")
    capturing = TextField(default="")
    error = TextField(default="")
    mistakes = BigIntegerField(default=0)
    confirmation_id = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("call", "created_at"), False), (("account", "id"), False))

    @classmethod
    def begin(
        cls, call: Call, invoice: Invoice, amount: int, carrier_id: str, now: datetime
    ) -> Self:
        """A new session for the locked call's invoice."""
        row: Self = cls.create(
            id=new_id("kps"),
            account=call.account_id,
            call=call.id,
            invoice=invoice.id,
            amount=amount,
            carrier_id=carrier_id,
            created_at=now,
            updated_at=now,
        )
        return row

    @classmethod
    def order(cls, call: Call, invoice: Invoice, now: datetime) -> Self:
        """A session for the locked call's invoice that the assistant is to begin."""
        session = cls.begin(call, invoice, invoice.outstanding, "", now)
        session._write(now, state="ordered")  # noqa: SLF001 - it is of this class
        return session

    @classmethod
    def ordered(cls, call: Call) -> Self | None:
        """The call's session that was ordered and is not begun."""
        return cls.one("call_id = ? AND state = 'ordered' LIMIT 1", call.id)

    @classmethod
    def going_on(cls, call: Call) -> Self | None:
        """The call's session of which a card may still come."""
        return cls.one(f"call_id = ? AND {GOING_ON} LIMIT 1", call.id)

    @classmethod
    def newest(cls, call: Call) -> Self | None:
        """The call's last session."""
        return cls.one("call_id = ? ORDER BY created_at DESC, id DESC LIMIT 1", call.id)

    @classmethod
    def failures(cls, call: Call) -> int:
        """How many sessions of the call were begun and ended without a card."""
        failed = "call_id = ? AND state = 'failed' AND error <> 'not_begun'"
        return len(cls.all(failed, call.id))

    @classmethod
    def unheard(cls, since: datetime, last_id: str, limit: int) -> list[Self]:
        """Open sessions of which nothing was heard since a time, by id, those after `last_id`."""
        found = f"{GOING_ON} AND updated_at < ? AND id > ? ORDER BY id LIMIT ?"
        return cls.all(found, to_micros(since), last_id, limit)

    @property
    def is_open(self) -> bool:
        """Whether a card may still come of it."""
        return self.state in {"ordered", "starting", "capturing", "completing"}

    def record(self, now: datetime, **values: Any) -> bool:
        """Write what became of it, unless it is over; whether it was written."""
        return self._write(now, only_if=GOING_ON, **values)

    def record_charge(self, confirmation_id: str | None, error: str, now: datetime) -> None:
        """What was done with the card that came of it."""
        state = "over" if confirmation_id else "failed"
        self._write(now, state=state, confirmation_id=confirmation_id, error=error)


KeypadSession.add_index(
    KeypadSession.index(
        KeypadSession.call, unique=True, where=SQL(OPEN), name="keypad_session_open"
    )
)
