"""A refund somebody asked us for; it reserves its amount, so that two cannot give back too much."""

from datetime import datetime

from peewee import BigIntegerField, ForeignKeyField, TextField, fn

from models.account import Account
from models.base import Instant, Row
from models.dispute import DisputeMovement
from models.payment import Payment
from models.refund import Refund
from rules.invoice_fold import RETURNING
from runtime.ids import new_id


class RefundRequest(Row):
    """Minor units of the payment's currency. `requested → confirmed | refused`; a confirmed one may still fail at the bank: `→ failed`."""

    account_id: str
    payment_id: str
    id = TextField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    payment = ForeignKeyField(Payment, on_delete="CASCADE", backref="refund_requests")
    amount = BigIntegerField()
    reason = TextField(null=True)
    asked_by = TextField()
    state = TextField(default="requested")
    refund_id = TextField(null=True, unique=True)
    error = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("payment", "state"), False),)

    @classmethod
    def request(cls, payment: Payment, amount: int, reason: str | None, asked_by: str, now: datetime) -> "RefundRequest":
        """Ask for a refund of `amount`; the invoice's lock must be held."""
        values = {"payment": payment, "amount": amount, "reason": reason, "asked_by": asked_by, "created_at": now, "updated_at": now}
        row: RefundRequest = cls.create(id=new_id("rfq"), account=payment.account_id, **values)
        return row

    def record_confirmed(self, refund_id: str, now: datetime) -> None:
        """Stripe has taken it on."""
        self._write(now, state="confirmed", refund_id=refund_id)

    def record_refused(self, error: str, now: datetime) -> None:
        """Stripe will not do it."""
        self._write(now, state="refused", error=error[:500])

    def record_failed(self, error: str, now: datetime) -> None:
        """The bank sent the money back: the person did not get it."""
        self._write(now, state="failed", error=error[:500])

    def _write(self, now: datetime, **values: str) -> None:
        RefundRequest.update(**values, updated_at=now).where(RefundRequest.id == self.id).execute()
        for name, value in values.items():
            setattr(self, name, value)


def refundable(payment: Payment) -> int:
    """What may still be given back: received, less refunds known, refunds under way and what disputes hold."""
    known = Refund.select(fn.COALESCE(fn.SUM(Refund.amount), 0)).where(
        Refund.stripe_account == payment.stripe_account, Refund.intent_id == payment.intent_id, Refund.status.in_(RETURNING)
    )
    asked = RefundRequest.select(fn.COALESCE(fn.SUM(RefundRequest.amount), 0)).where(RefundRequest.payment == payment, RefundRequest.state == "requested")
    held = DisputeMovement.select(fn.COALESCE(fn.SUM(DisputeMovement.amount), 0)).where(
        DisputeMovement.stripe_account == payment.stripe_account, DisputeMovement.intent_id == payment.intent_id
    )
    return int(payment.amount_received) - int(known.scalar()) - int(asked.scalar()) + min(0, int(held.scalar()))
