"""Promises to pay: what a person said they would pay of an invoice, and by when."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from peewee import SQL, BigIntegerField, DateField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from runtime.clock import real_now
from runtime.ids import new_id


class Promise(Row):
    """One promise: `open → kept | partly_kept | broken | replaced | moot`, at most one open for an
    invoice. `amount` is in minor units. `paid_before` is what the invoice had been paid when it was
    made, and `payments_before` the ids of the payments that brought it; None in a row of an older
    release. Until `decided_from`, business time, nobody is asked to pay. `follow_up`: what is
    texted once it is decided, thanks or a reminder, from `follow_at` on; None once that is over.
    """

    account_id: str
    customer_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    customer = ForeignKey(Customer, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, on_delete="CASCADE")
    amount = BigIntegerField()
    currency = TextField()
    promised_for = DateField()
    decided_from = Instant()
    paid_before = BigIntegerField()
    payments_before: Any = JSONField(null=True)
    paid = BigIntegerField(default=0)
    state = TextField(default="open")
    recorded_by = TextField()
    settled_at = Instant(null=True)
    follow_up = TextField(default="")
    follow_at = Instant(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = (
            (("invoice", "id"), False),
            (("account", "id"), False),
            (("customer", "id"), False),
            (("state", "decided_from", "id"), False),
        )

    @classmethod
    def of(cls, invoice_id: str) -> "Promise | None":
        """The open promise about an invoice."""
        return cls.one("invoice_id = ? AND state = 'open'", invoice_id)

    @classmethod
    def to_decide(cls, now: datetime, after: "Promise | None", most: int) -> "list[Promise]":
        """Open promises whose day is over, the oldest first, those after one of them; `now` is
        business time.
        """
        return cls._those_due("state = 'open'", "decided_from", now, after, most)

    @classmethod
    def to_follow_up(cls, now: datetime, after: "Promise | None", most: int) -> "list[Promise]":
        """Decided promises of which the person is to be told, the oldest first, those after one of
        them.
        """
        return cls._those_due("follow_at IS NOT NULL", "follow_at", now, after, most)

    @classmethod
    def _those_due(
        cls, which: str, column: str, now: datetime, after: "Promise | None", most: int
    ) -> "list[Promise]":
        found = f"{which} AND {column} <= ?"
        seen: tuple[Any, ...] = ()
        if after is not None:
            found += f" AND {column} >= ? AND ({column} > ? OR id > ?)"
            moment = to_micros(getattr(after, column))
            seen = moment, moment, after.id
        return cls.all(f"{found} ORDER BY {column}, id LIMIT ?", to_micros(now), *seen, most)

    @classmethod
    def open_of(cls, invoice_ids: Sequence[str]) -> "list[Promise]":
        """The open promises about any of these invoices."""
        if not invoice_ids:
            return []
        places = ", ".join("?" for _ in invoice_ids)
        return cls.all(f"invoice_id IN ({places}) AND state = 'open'", *invoice_ids)

    @property
    def is_open(self) -> bool:
        """Whether it is neither kept nor broken yet."""
        return self.state == "open"

    def record_settled(self, state: str, paid: int, now: datetime, follow_up: str = "") -> bool:
        """What became of it; False if that was known. `now` is business time."""
        return self._write(
            real_now(),
            only_if="state = 'open'",
            state=state,
            paid=paid,
            settled_at=now,
            follow_up=follow_up,
            follow_at=now if follow_up else None,
        )

    def record_followed_up(self, again_at: datetime | None = None) -> None:
        """The person has been texted, or cannot be; or it is tried again at a moment."""
        self._write(real_now(), follow_at=again_at)

    @classmethod
    def broken_before(cls, invoice_id: str) -> int:
        """How many promises about the invoice were not kept."""
        return int(
            cls.select()
            .where(cls.invoice == invoice_id, cls.state.in_(("broken", "partly_kept")))
            .count()
        )

    @classmethod
    def make(
        cls,
        invoice: Invoice,
        amount: int,
        promised_for: date,
        decided_from: datetime,
        recorded_by: str,
        payments_before: Sequence[str],
    ) -> "Promise":
        """Record a promise about the locked invoice, which has no other open one.

        `payments_before`: the ids of its payments that have arrived.
        """
        now = real_now()
        row: Promise = cls.create(
            id=new_id("prm"),
            account=invoice.account_id,
            customer=invoice.customer_id,
            invoice=invoice.id,
            amount=amount,
            currency=invoice.currency,
            promised_for=promised_for,
            decided_from=decided_from,
            paid_before=invoice.amount_paid,
            payments_before=list(payments_before),
            recorded_by=recorded_by,
            created_at=now,
            updated_at=now,
        )
        return row


Promise.add_index(
    Promise.index(Promise.invoice, unique=True, where=SQL("state = 'open'"), name="promise_open")
)
Promise.add_index(
    Promise.index(
        Promise.follow_at, where=SQL("follow_at IS NOT NULL"), name="promise_to_follow_up"
    )
)
