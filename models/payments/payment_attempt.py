"""Attempts to pay an invoice through a PaymentIntent of ours: at most one live per invoice."""

from datetime import datetime
from typing import Any

from peewee import SQL, BigIntegerField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.invoice import Invoice
from models.transactions import execute
from runtime.ids import new_id

LIVE = ("planned", "open")
OVER = frozenset({"succeeded", "canceled"})


class PaymentAttempt(Row):
    """A PaymentIntent of ours for one balance: `planned → open → closed`, or `→ retiring → closed`,
    or `refused`.

    Web, phone and backend share the invoice's one open intent, and Stripe lets an intent succeed
    once, so we cannot charge two payers of one invoice. Amounts are minor units. The wanted values
    (`amount`, `amount_version`) may be ahead of those that Stripe has confirmed (`intent_amount`,
    `intent_version`).
    """

    account_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, on_delete="CASCADE")
    balance_revision = IntegerField()
    amount = BigIntegerField()
    amount_version = IntegerField(default=1)
    intent_amount = BigIntegerField(default=0)
    intent_version = IntegerField(default=0)
    currency = TextField()
    stripe_account = TextField(default="")
    intent_id = TextField(null=True, unique=True)
    receipt_email = TextField(null=True)
    stripe_customer_id = TextField(null=True)
    state = TextField(default="planned")
    error = TextField(null=True)
    asked_by = TextField()
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("state", "updated_at"), False),)

    @classmethod
    def live(cls, invoice: Invoice) -> "PaymentAttempt | None":
        """The invoice's one live attempt, or None."""
        return cls.one("invoice_id = ? AND state IN ('planned', 'open')", invoice.id)

    @classmethod
    def closing(cls, invoice_id: str) -> "list[PaymentAttempt]":
        """The invoice's retiring attempts whose intents may still be shown on a payer's page and
        are not known to be closed at Stripe.
        """
        return cls.all(
            "invoice_id = ? AND state = 'retiring' AND intent_id IS NOT NULL", invoice_id
        )

    @classmethod
    def plan(
        cls, invoice: Invoice, amount: int, receipt_email: str | None, asked_by: str, now: datetime
    ) -> "PaymentAttempt":
        """Create an attempt for the invoice's current balance.

        The invoice must be locked and have no live one.
        """
        about = {
            "receipt_email": receipt_email,
            "asked_by": asked_by,
            "created_at": now,
            "updated_at": now,
        }
        row: PaymentAttempt = cls.create(
            id=new_id("att"),
            account=invoice.account_id,
            invoice=invoice,
            balance_revision=invoice.balance_revision,
            amount=amount,
            currency=invoice.currency,
            stripe_account=invoice.account.stripe_account or "",
            stripe_customer_id=invoice.customer.stripe_customer_id,
            **about,
        )
        return row

    @classmethod
    def record_over(cls, intent: dict[str, Any], now: datetime) -> bool:
        """Close the intent's attempt if the intent has succeeded or was cancelled.

        Returns whether one was closed.
        """
        if intent["status"] not in OVER:
            return False
        closed = execute(
            "UPDATE payment_attempt SET state = 'closed', updated_at = ? WHERE intent_id = ?"
            " AND state IN ('open', 'retiring')",
            (to_micros(now), intent["id"]),
        )
        return bool(closed.rowcount)

    @classmethod
    def not_as_confirmed(cls, intent_id: str, amount: int) -> "PaymentAttempt | None":
        """The intent's attempt, if it is in place with another amount than `amount`; or None."""
        return cls.one(
            "intent_id = ? AND state = 'open' AND intent_version = amount_version"
            " AND intent_amount <> ?",
            intent_id,
            amount,
        )

    @property
    def is_in_place(self) -> bool:
        """Whether Stripe has confirmed the intent as wanted."""
        return self.state == "open" and self.intent_version == self.amount_version

    @property
    def is_live(self) -> bool:
        """Whether its intent may take the money."""
        return self.state in LIVE

    def record_opened(self, intent_id: str, amount: int, now: datetime) -> bool:
        """Record that Stripe has created the intent.

        Returns False if it is no longer wanted and must be cancelled.
        """
        made = {
            "intent_id": intent_id,
            "intent_amount": amount,
            "intent_version": self.amount_version,
        }
        if self._move(now, ("planned",), state="open", **made):
            return True
        self._move(now, ("retiring", "closed"), state="retiring", **made)
        return False

    def record_change_wanted(self, now: datetime, **change: Any) -> None:
        """Record that the intent needs another amount, receipt address or Stripe customer (a saved
        card needs its customer).
        """
        self._move(now, ("open",), amount_version=self.amount_version + 1, error=None, **change)

    def record_changed(self, version: int, amount: int, now: datetime) -> None:
        """Record that Stripe has changed the intent."""
        self._move(now, ("open", "retiring"), intent_amount=amount, intent_version=version)

    def record_change_refused(
        self, error: str, now: datetime, amount: int, **kept: str | None
    ) -> None:
        """Record that Stripe refused to change the intent.

        It stays as it is there, with `amount`, and the receipt address and the Stripe customer in
        `kept`.
        """
        self._move(
            now,
            ("open",),
            amount=amount,
            intent_amount=amount,
            intent_version=self.amount_version,
            error=error[:500],
            **kept,
        )

    def record_retiring(self, now: datetime) -> None:
        """Record that the intent must take no more money: the balance has changed, or more is to be
        paid than was shown.
        """
        self._move(now, LIVE, state="retiring")

    def record_closed(self, now: datetime) -> None:
        """Record that no intent of it can take money: none was created, it was cancelled, Stripe no
        longer has it, or a person says that it is closed.
        """
        self._move(now, ("retiring",), state="closed")

    def record_refused(self, error: str, now: datetime) -> None:
        """Record that Stripe refused to create the intent."""
        self._move(now, ("planned", "retiring"), state="refused", error=error[:500])

    def _move(self, now: datetime, states: tuple[str, ...], **values: Any) -> bool:
        """Write if the row is in one of `states`, and return whether it was."""
        among = ", ".join("?" for _ in states)
        return self._write(now, only_if=f"state IN ({among})", given=states, **values)


_LIVE = "state IN ('planned', 'open')"
PaymentAttempt.add_index(
    PaymentAttempt.index(
        PaymentAttempt.invoice, unique=True, where=SQL(_LIVE), name="payment_attempt_live"
    )
)
