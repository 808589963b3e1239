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
    """`(ordered →) starting → capturing → completing → captured → over`, or `failed`; at most one
    open session per call. `ordered`: the clinic requested it, but the person in the call has not
    agreed yet and nothing exists at Twilio.

    `capturing` is the field being entered: payment-card-number, expiration-date, security-code,
    postal-code. `carrier_id` is the call's id at Twilio, `payment_sid` the session's. No digit of a
    card is ever stored: Twilio returns a payment method, which `confirmation_id` has charged.
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
        """Create a session for the locked call's invoice."""
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
        """Create a session for the locked call's invoice that the assistant should begin."""
        session = cls.begin(call, invoice, invoice.outstanding, "", now)
        session._write(now, state="ordered")  # noqa: SLF001 - it is of this class
        return session

    @classmethod
    def ordered(cls, call: Call) -> Self | None:
        """The call's session that was ordered but has not begun, or None."""
        return cls.one("call_id = ? AND state = 'ordered' LIMIT 1", call.id)

    @classmethod
    def in_progress(cls, call: Call) -> Self | None:
        """The call's session that may still yield a card, or None."""
        return cls.one(f"call_id = ? AND {GOING_ON} LIMIT 1", call.id)

    @classmethod
    def newest(cls, call: Call) -> Self | None:
        """The call's latest session, or None."""
        return cls.one("call_id = ? ORDER BY created_at DESC, id DESC LIMIT 1", call.id)

    @classmethod
    def failures(cls, call: Call) -> int:
        """How many sessions of the call began and ended without a card."""
        failed = "call_id = ? AND state = 'failed' AND error <> 'not_begun'"
        return len(cls.all(failed, call.id))

    @classmethod
    def silent(cls, since: datetime, last_id: str, limit: int) -> list[Self]:
        """Up to `limit` open sessions without news since `since`, by id, after `last_id`."""
        found = f"{GOING_ON} AND updated_at < ? AND id > ? ORDER BY id LIMIT ?"
        return cls.all(found, to_micros(since), last_id, limit)

    @property
    def is_open(self) -> bool:
        """Whether it may still yield a card."""
        return self.state in {"ordered", "starting", "capturing", "completing"}

    def record(self, now: datetime, **values: Any) -> bool:
        """Write `values` unless the session is over, and return whether they were written."""
        return self._write(now, only_if=GOING_ON, **values)

    def record_charge(self, confirmation_id: str | None, error: str, now: datetime) -> None:
        """Record whether the card was charged: its confirmation, or the error."""
        state = "over" if confirmation_id else "failed"
        self._write(now, state=state, confirmation_id=confirmation_id, error=error)


KeypadSession.add_index(
    KeypadSession.index(
        KeypadSession.call, unique=True, where=SQL(OPEN), name="keypad_session_open"
    )
)
