"""A refund at Stripe, known by its id; it belongs to an invoice through its payment's intent."""

from datetime import datetime
from typing import Any

from peewee import BigIntegerField, TextField

from models.base import Instant, Row
from models.payments.payment import Payment, at_stripe
from rules.payment_merge import merge_refund_status

PENDING = "pending"  # the state of a refund if Stripe names none


class Refund(Row):
    """A refund; minor units.

    It may be known before its payment, because events come in any order. `announced` is the last
    state that was announced to the clinic's software.
    """

    refund_id = TextField(primary_key=True)
    stripe_account = TextField(default="")
    intent_id = TextField()
    amount = BigIntegerField()
    currency = TextField()
    status = TextField()
    failure_reason = TextField(null=True)
    announced = TextField(default="", column_name="told")
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = (
            (("stripe_account", "intent_id"), False),
            (("stripe_account", "created_at"), False),
        )

    @classmethod
    def record_report(cls, stripe_account: str, refund: dict[str, Any], now: datetime) -> bool:
        """Record a refund as Stripe reports it, and return whether it was new."""
        known = cls.get_or_none(cls.refund_id == refund["id"])
        reported = refund.get("status") or PENDING
        if known is None:
            fields = {name: refund.get(name) for name in ("amount", "currency", "failure_reason")}
            cls.create(
                refund_id=refund["id"],
                stripe_account=stripe_account,
                intent_id=refund["payment_intent"],
                status=reported,
                created_at=now,
                updated_at=now,
                **fields,
            )
            return True
        status = merge_refund_status(known.status, reported)
        if status == known.status:
            return False
        known.status = status
        known.failure_reason = refund.get("failure_reason")
        known.updated_at = now
        known.save()
        return True

    def record_announced(self, state: str) -> None:
        """Record that the change to `state` was announced to the clinic's software."""
        Refund.update(announced=state).where(Refund.refund_id == self.refund_id).execute()


def refunds_of(payments: list[Payment]) -> list[tuple[Payment, Refund]]:
    """The refunds of these payments, each with its payment."""
    return at_stripe(Refund, payments)
