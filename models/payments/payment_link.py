"""Stripe payment links, one per invoice and balance, and our own short URLs that lead to them."""

from datetime import datetime, timedelta

from peewee import SQL, BigIntegerField, IntegerField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row, to_micros
from models.invoices.invoice import Invoice
from models.transactions import execute
from runtime.ids import new_id, new_token
from runtime.settings import get_settings

ADDRESS_LIFE = timedelta(days=90)
TOKEN_LENGTH = 16  # 80 bits: unguessable, yet short enough to read out


class PaymentLink(Row):
    """A Stripe link for one balance of one invoice: `planned → active → retiring → retired`, or
    `refused`.

    At most one is live (planned or active) per invoice.
    """

    account_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, on_delete="CASCADE")
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
        indexes = ((("invoice", "balance_revision"), False), (("state", "updated_at"), False))

    @classmethod
    def plan(cls, invoice: Invoice, now: datetime) -> "PaymentLink":
        """The link for the locked invoice's current balance: the live one, or a new planned one."""
        live = cls.current(invoice)
        if live is not None:
            return live
        row: PaymentLink = cls.create(
            id=new_id("plk"),
            account=invoice.account_id,
            invoice=invoice,
            balance_revision=invoice.balance_revision,
            amount=invoice.outstanding,
            currency=invoice.currency,
            stripe_account=invoice.account.stripe_account or "",
            created_at=now,
            updated_at=now,
        )
        return row

    @classmethod
    def current(cls, invoice: Invoice) -> "PaymentLink | None":
        """The invoice's live link, or None."""
        return cls.one("invoice_id = ? AND state IN ('planned', 'active')", invoice.id)

    @classmethod
    def newest(cls, invoice: Invoice) -> "PaymentLink | None":
        """The newest link for the invoice's current balance, in any state, or None."""
        return cls.one(
            "invoice_id = ? AND balance_revision = ? ORDER BY created_at DESC, id DESC LIMIT 1",
            invoice.id,
            invoice.balance_revision,
        )

    def record_created(self, stripe_link_id: str, url: str, now: datetime) -> None:
        """Record that Stripe has created it."""
        self._write(now, stripe_link_id=stripe_link_id, url=url, state="active")

    def record_refused(self, error: str, now: datetime) -> None:
        """Record that Stripe refused to create it."""
        self._write(now, state="refused", error=error[:500])

    def record_created_too_late(self, stripe_link_id: str, url: str, now: datetime) -> None:
        """Record its creation for an outdated balance: it is closed before anyone sees it."""
        self._write(now, stripe_link_id=stripe_link_id, url=url, state="retiring")

    def record_retiring(self, now: datetime) -> None:
        """Record that it must take no more money: the balance changed, or a charge follows."""
        self._write(now, state="retiring")

    def record_retired(self, now: datetime) -> None:
        """Record that it can no longer be paid."""
        self._write(now, state="retired")


PaymentLink.add_index(
    PaymentLink.index(
        PaymentLink.invoice,
        unique=True,
        where=SQL("state IN ('planned', 'active')"),
        name="payment_link_live",
    )
)


class PayAddress(Row):
    """Our own URL of an invoice, `/p/{token}`, which leads to its current Stripe link."""

    token = TextField(primary_key=True)
    invoice = ForeignKey(Invoice, on_delete="CASCADE", unique=True)
    expires_at = Instant()
    created_at = Instant()

    @classmethod
    def of(cls, invoice: Invoice, now: datetime) -> "PayAddress":
        """The invoice's URL, created on first use; its expiry restarts."""
        expires = now + ADDRESS_LIFE
        token = execute(
            "INSERT INTO pay_address (token, invoice_id, expires_at, created_at)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (invoice_id)"
            " DO UPDATE SET expires_at = excluded.expires_at RETURNING token",
            (new_token(length=TOKEN_LENGTH), invoice.id, to_micros(expires), to_micros(now)),
        ).fetchone()[0]
        return cls(token=token, invoice=invoice, expires_at=expires, created_at=now)

    @property
    def url(self) -> str:
        """The URL given to the payer."""
        return f"{get_settings().public_url}/p/{self.token}"
