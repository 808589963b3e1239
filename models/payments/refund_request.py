"""A requested refund. It reserves its amount, so that two requests cannot refund too much."""

from datetime import datetime
from typing import Any

from peewee import BigIntegerField, TextField, fn

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.payments.dispute import DisputeMovement, disputes_of, withheld_by
from models.payments.payment import Payment, at_stripe
from models.payments.refund import Refund
from models.transactions import execute
from rules.invoice_fold import KEPT
from rules.stripe_event_types import id_in
from runtime.ids import new_id


class RefundRequest(Row):
    """A request, in minor units of the payment's currency: `requested → confirmed | refused`.

    A confirmed one may still fail at the bank: `→ failed`. A requested one has its `refund_id` once
    Stripe has reported the refund, even if our own request was not answered.
    """

    account_id: str
    payment_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    payment = ForeignKey(Payment, on_delete="CASCADE")
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
    def request(
        cls, payment: Payment, amount: int, reason: str | None, asked_by: str, now: datetime
    ) -> "RefundRequest":
        """Request a refund of `amount`; the invoice must be locked."""
        values = {
            "payment": payment,
            "amount": amount,
            "reason": reason,
            "asked_by": asked_by,
            "created_at": now,
            "updated_at": now,
        }
        row: RefundRequest = cls.create(id=new_id("rfq"), account=payment.account_id, **values)
        return row

    @classmethod
    def under_way(cls, payment: Payment) -> int:
        """The total requested for a payment whose refunds are not known yet."""
        asked = cls.select(fn.COALESCE(fn.SUM(cls.amount), 0)).where(
            cls.payment == payment, cls.state == "requested", cls.refund_id.is_null()
        )
        return int(asked.scalar())

    @classmethod
    def record_made(cls, stripe_account: str, refund: dict[str, Any]) -> None:
        """Record that Stripe has reported a refund, for the request of its payment whose tag it
        carries, if that has no answer yet.
        """
        tags = refund.get("metadata")
        request_id = id_in(tags.get("attempt_id")) if isinstance(tags, dict) else ""
        execute(
            "UPDATE refund_request SET refund_id = ? WHERE id = ? AND state = 'requested' AND"
            " refund_id IS NULL AND payment_id IN"
            " (SELECT id FROM payment WHERE stripe_account = ? AND intent_id = ?)",
            (refund["id"], request_id, stripe_account, refund["payment_intent"]),
        )

    def record_confirmed(self, refund_id: str, now: datetime) -> None:
        """Record that Stripe has accepted it."""
        self._write(now, state="confirmed", refund_id=refund_id)

    def record_refused(self, error: str, now: datetime) -> None:
        """Record that Stripe refused it."""
        self._write(now, state="refused", error=error[:500])

    def record_failed(self, error: str, now: datetime) -> None:
        """Record that the bank returned the money: the payer did not get it."""
        self._write(now, state="failed", error=error[:500])


def refundable(payment: Payment) -> int:
    """What can still be refunded: received, less known refunds, requested refunds and disputed
    amounts. Never negative, even if a refunded payment is disputed too.
    """
    known = Refund.select(fn.COALESCE(fn.SUM(Refund.amount), 0)).where(
        Refund.stripe_account == payment.stripe_account,
        Refund.intent_id == payment.intent_id,
        Refund.status.not_in(KEPT),
    )
    held = withheld_by(disputes_of([payment]), at_stripe(DisputeMovement, [payment]))
    gone = int(known.scalar()) + sum(each.amount for each in held)
    return max(0, int(payment.amount_received) - gone - RefundRequest.under_way(payment))
