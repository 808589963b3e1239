"""An invoice: its terms, a person's mark, and the amounts and status computed from its facts."""

from collections.abc import Sequence
from datetime import datetime

from peewee import (
    SQL,
    BigIntegerField,
    BooleanField,
    DateField,
    IntegerField,
    TextField,
)

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.customer import Customer
from models.transactions import execute, row_lock
from rules.invoice_fold import Amounts, Terms
from runtime.errors import Conflict

MAX_NOTES = 10_000  # characters


class Invoice(Row):
    """An invoice. Amounts are minor units of `currency`. `external_id` is its id in the clinic's
    own software.

    `mark` is what a person decided (draft, sent, cancelled, written_off). `status` and the amounts
    below it are computed from payments, refunds and disputes, at creation and then by
    `record_amounts`. A Stripe link or an open intent belongs to one `balance_revision`.
    """

    account_id: str
    customer_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    customer = ForeignKey(Customer, on_delete="RESTRICT")
    number = TextField()
    project = TextField(null=True)
    external_id = TextField(null=True)
    currency = TextField()
    amount_due = BigIntegerField()
    due_date = DateField()
    mark = TextField(default="draft")
    status = TextField(default="draft")
    amount_received = BigIntegerField(default=0)
    amount_returned = BigIntegerField(default=0)
    amount_paid = BigIntegerField(default=0)
    outstanding = BigIntegerField()
    overpaid = BigIntegerField(default=0)
    disputed = BooleanField(default=False)
    mismatched = BooleanField(default=False)
    notes = TextField(default="")
    balance_revision = IntegerField(default=0)
    version = IntegerField(default=0)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = (
            (("account", "number"), True),
            (("account", "external_id"), True),
            (("account", "status", "due_date", "id"), False),
            (("account", "id"), False),
            (("account", "customer", "id"), False),
            (("account", "status", "id"), False),
            (("account", "updated_at"), False),
            (("status", "due_date", "id"), False),
        )

    @classmethod
    def of_intent(cls, stripe_account: str, intent_id: str, named: str) -> "Invoice | None":
        """The invoice of this intent's payment, else the one `named`, with its account; or None."""
        return cls.one_with(
            "account",
            "t.id = COALESCE((SELECT invoice_id FROM payment"
            " WHERE stripe_account = ? AND intent_id = ?), ?)",
            stripe_account,
            intent_id,
            named,
        )

    @classmethod
    def locked_with_accounts(cls, ids: Sequence[str]) -> "list[Invoice]":
        """Those of the invoices that exist, read afresh with their accounts and locked until the
        transaction ends. They are locked in one order, so that concurrent callers cannot deadlock.
        """
        if not ids:
            return []
        places = ", ".join("?" for _ in ids)
        found = f"t.id IN ({places}) ORDER BY t.account_id, t.id{row_lock(' OF t')}"
        return cls.all_with("account", found, *ids)

    @property
    def terms(self) -> Terms:
        """Its terms and mark, the fold's input besides the facts."""
        return Terms(
            amount_due=self.amount_due,
            currency=self.currency,
            mark=self.mark,
            due_date=self.due_date,
        )

    def record_amounts(self, amounts: Amounts, now: datetime) -> bool:
        """Write the computed amounts and status, and return whether anything changed.

        Raises Conflict if another writer was first: compute them again from a fresh read.
        """
        values = {name: getattr(amounts, name) for name in amounts.__slots__}
        if all(getattr(self, name) == value for name, value in values.items()):
            return False
        if amounts.outstanding != self.outstanding:
            values["balance_revision"] = self.balance_revision + 1
        self.change(now, **values)
        return True

    @classmethod
    def record_overdue(cls, invoices: Sequence["Invoice"], now: datetime) -> None:
        """Record that locked invoices have become overdue. Nothing else about them changes."""
        if not invoices:
            return
        execute(
            "UPDATE invoice SET status = 'overdue', version = version + 1, updated_at = ?"
            f" WHERE id IN ({', '.join('?' for _ in invoices)})",
            (to_micros(now), *(invoice.id for invoice in invoices)),
        )
        for invoice in invoices:
            invoice.status, invoice.version, invoice.updated_at = (
                "overdue",
                invoice.version + 1,
                now,
            )

    def change(self, now: datetime, **values: object) -> None:
        """Write `values`. Raises Conflict if the row was written since it was read."""
        if not self._write(
            now,
            only_if="version = ?",
            given=(self.version,),
            **values,
            version=self.version + 1,
        ):
            raise Conflict(
                f"Invoice {self.id} was changed by another writer since version {self.version}."
            )


# money to be returned: overpaid, or paid at all on a cancelled invoice
TO_REFUND = "overpaid > 0 OR (mark = 'cancelled' AND amount_paid > 0)"
Invoice.add_index(Invoice.index(Invoice.account, where=SQL(TO_REFUND), name="invoice_to_refund"))
