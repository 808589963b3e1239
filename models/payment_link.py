"""Stripe payment links, one per invoice and balance; and our own short addresses that lead to them."""

from datetime import datetime, timedelta

from peewee import BigIntegerField, ForeignKeyField, IntegerField, TextField

from models.account import Account
from models.base import Instant, Row
from models.invoice import Invoice
from runtime.ids import new_id, new_token

ADDRESS_LIFE = timedelta(days=90)
TOKEN_LENGTH = 16  # 80 bits: unguessable, yet it can be read out


class PaymentLink(Row):
    """One Stripe link for one balance of one invoice: `planned → active → retired`, or `refused`."""

    account_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    invoice = ForeignKeyField(Invoice, on_delete="CASCADE", backref="links")
    balance_revision = IntegerField()
    amount = BigIntegerField()
    currency = TextField()
    stripe_account = TextField(default="")
    stripe_link_id = TextField(null=True, unique=True)
    url = TextField(null=True)
    state = TextField(default="planned")
    error = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("invoice", "balance_revision"), True), (("state", "updated_at"), False))

    @classmethod
    def plan(cls, invoice: Invoice, now: datetime) -> "PaymentLink":
        """The link for the invoice's present balance: the one there is, or a planned one."""
        values = {
            "id": new_id("plk"), "account": invoice.account_id, "invoice": invoice.id, "balance_revision": invoice.balance_revision,
            "amount": invoice.outstanding, "currency": invoice.currency, "stripe_account": invoice.account.stripe_account or "",
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        cls.insert(values).on_conflict(conflict_target=[cls.invoice, cls.balance_revision], action="IGNORE").execute()
        return cls.current(invoice)

    @classmethod
    def current(cls, invoice: Invoice) -> "PaymentLink":
        """The link of the invoice's present balance. Raises DoesNotExist."""
        row: PaymentLink = cls.get((cls.invoice == invoice.id) & (cls.balance_revision == invoice.balance_revision))
        return row

    def record_created(self, stripe_link_id: str, url: str, now: datetime) -> None:
        """Stripe has made it."""
        self._write(now, stripe_link_id=stripe_link_id, url=url, state="active")

    def record_refused(self, error: str, now: datetime) -> None:
        """Stripe will not make it."""
        self._write(now, state="refused", error=error[:500])

    def record_retired(self, now: datetime) -> None:
        """It asks for money no longer."""
        self._write(now, state="retired")

    def _write(self, now: datetime, **values: str) -> None:
        PaymentLink.update(**values, updated_at=now).where(PaymentLink.id == self.id).execute()
        for name, value in values.items():
            setattr(self, name, value)


class PayAddress(Row):
    """Our own address of an invoice, `/p/{token}`: it always leads to the current Stripe link."""

    token = TextField(primary_key=True)
    invoice = ForeignKeyField(Invoice, on_delete="CASCADE", unique=True)
    expires_at = Instant()
    created_at = Instant()

    @classmethod
    def of(cls, invoice: Invoice, now: datetime) -> "PayAddress":
        """The invoice's address, made on first use; its life begins anew."""
        values = {"token": new_token(length=TOKEN_LENGTH), "invoice": invoice.id, "expires_at": now + ADDRESS_LIFE, "created_at": now}
        cls.insert(values).on_conflict(conflict_target=[cls.invoice], update={cls.expires_at: values["expires_at"]}).execute()
        row: PayAddress = cls.get(cls.invoice == invoice.id)
        return row
