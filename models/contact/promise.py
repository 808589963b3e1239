"""Promises to pay: how much of an invoice a person promised to pay, and by when."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from peewee import SQL, BigIntegerField, DateField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from runtime.clock import real_now
from runtime.ids import new_id

Step = Literal["decided_from", "follow_at"]


class Promise(Row):
    """A promise to pay: `open → kept | partly_kept | broken | replaced | moot`, at most one open
    per invoice. `amount` is in minor units.

    `paid_before` is what the invoice had been paid when the promise was made, and `payments_before`
    the ids of those payments; None in a row of an older release. Until `decided_from`, business
    time, the customer is not asked to pay. `follow_up` is the text to send once the promise is
    decided, thanks or a reminder, from `follow_at` on; `follow_at` is None once that is done.
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
        """The open promise about an invoice, or None."""
        return cls.one("invoice_id = ? AND state = 'open'", invoice_id)

    @classmethod
    def due(cls, step: Step, now: datetime, since: int, last_id: str, most: int) -> "list[Promise]":
        """Promises with a step due by `now`, business time, oldest first: open ones whose day is
        over (`decided_from`), or decided ones with a text to send (`follow_at`).

        Pages by `since`, microseconds of that column, and `last_id`.
        """
        which = "state = 'open'" if step == "decided_from" else "follow_at IS NOT NULL"
        return cls.all(
            f"{which} AND {step} <= ? AND {step} >= ? AND ({step} > ? OR id > ?)"
            f" ORDER BY {step}, id LIMIT ?",
            to_micros(now),
            since,
            since,
            last_id,
            most,
        )

    @classmethod
    def open_of(cls, invoice_ids: Sequence[str]) -> "list[Promise]":
        """The open promises about any of these invoices."""
        if not invoice_ids:
            return []
        places = ", ".join("?" for _ in invoice_ids)
        return cls.all(f"invoice_id IN ({places}) AND state = 'open'", *invoice_ids)

    @property
    def is_open(self) -> bool:
        """Whether it is still undecided."""
        return self.state == "open"

    def record_settled(self, state: str, paid: int, now: datetime, follow_up: str = "") -> bool:
        """Record how it ended, at `now` in business time. Returns False if it had ended before."""
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
        """Record that the follow-up was sent or is impossible; with `again_at`, retry it then."""
        self._write(real_now(), follow_at=again_at)

    @classmethod
    def broken_before(cls, invoice_id: str) -> int:
        """How many promises about the invoice were broken or only partly kept."""
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
