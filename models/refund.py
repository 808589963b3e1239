"""A refund at Stripe, known by its id; it belongs to an invoice through its payment's intent."""

from datetime import datetime
from typing import Any

from peewee import BigIntegerField, TextField

from models.base import Instant, Row
from models.payment import Payment
from rules.invoice_fold import RETURNING, ReturnFact
from rules.payment_merge import merge_refund_status


class Refund(Row):
    """One refund; minor units. It may be known before its payment is: events come in any order."""

    refund_id = TextField(primary_key=True)
    stripe_account = TextField(default="")
    intent_id = TextField()
    amount = BigIntegerField()
    currency = TextField()
    status = TextField()
    failure_reason = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("stripe_account", "intent_id"), False),)

    @classmethod
    def record_report(cls, stripe_account: str, refund: dict[str, Any], now: datetime) -> bool:
        """Take in a refund as Stripe reports it. Answers whether it told anything new."""
        known = cls.get_or_none(cls.refund_id == refund["id"])
        if known is None:
            said = {name: refund.get(name) for name in ("amount", "currency", "status", "failure_reason")}
            cls.create(refund_id=refund["id"], stripe_account=stripe_account, intent_id=refund["payment_intent"], created_at=now, updated_at=now, **said)
            return True
        status = merge_refund_status(known.status, str(refund["status"]))
        if status == known.status:
            return False
        known.status, known.failure_reason, known.updated_at = status, refund.get("failure_reason"), now
        known.save()
        return True


def return_facts(payments: list[Payment]) -> list[ReturnFact]:
    """The refunds of these payments as facts of the fold."""
    by_intent = {(payment.stripe_account, payment.intent_id): payment.id for payment in payments if payment.intent_id}
    intents = [intent for _, intent in by_intent]
    refunds = Refund.select().where(Refund.intent_id.in_(intents)) if intents else []
    return [
        ReturnFact(by_intent[refund.stripe_account, refund.intent_id], refund.amount, refund.currency)
        for refund in refunds
        if refund.status in RETURNING and (refund.stripe_account, refund.intent_id) in by_intent
    ]
