"""Disputes: their state as Stripe last told it, and the money they moved, by balance transaction."""

from datetime import datetime
from typing import Any

from peewee import BigIntegerField, TextField

from models.base import Instant, Row
from models.payment import Payment
from rules.dispute_course import CLOSED, may_follow
from rules.invoice_fold import ReturnFact


class Dispute(Row):
    """One dispute. Its status has no order of its own, so it is read at Stripe; a closed one stays closed, but for an appeal."""

    dispute_id = TextField(primary_key=True)
    stripe_account = TextField(default="")
    intent_id = TextField()
    amount = BigIntegerField()
    currency = TextField()
    reason = TextField(default="")
    status = TextField()
    due_by = Instant(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("stripe_account", "intent_id"), False), (("status",), False))

    @classmethod
    def record_report(cls, stripe_account: str, dispute: dict[str, Any], now: datetime) -> bool:
        """Take in a dispute as Stripe reads now, with the money it moved. Answers whether it told anything new."""
        moved = [DisputeMovement.record(stripe_account, dispute, movement, now) for movement in dispute.get("balance_transactions") or []]
        said = {"status": dispute["status"], "reason": dispute.get("reason") or "", "amount": dispute["amount"], "currency": dispute["currency"]}
        known = cls.get_or_none(cls.dispute_id == dispute["id"])
        if known is None:
            base = {"dispute_id": dispute["id"], "stripe_account": stripe_account, "intent_id": dispute["payment_intent"]}
            cls.create(**base, **said, created_at=now, updated_at=now)
            return True
        if not may_follow(known.status, str(said["status"])):
            return any(moved)
        cls.update(**said, updated_at=now).where(cls.dispute_id == known.dispute_id).execute()
        return True


class DisputeMovement(Row):
    """Money a dispute took (negative) or gave back (positive), in the payment's currency."""

    balance_transaction_id = TextField(primary_key=True)
    dispute_id = TextField(index=True)
    stripe_account = TextField(default="")
    intent_id = TextField()
    amount = BigIntegerField()
    currency = TextField()
    created_at = Instant()

    class Meta:
        indexes = ((("stripe_account", "intent_id"), False),)

    @classmethod
    def record(cls, stripe_account: str, dispute: dict[str, Any], movement: dict[str, Any], now: datetime) -> bool:
        """Keep one balance transaction of a dispute; False when it was known."""
        amount, currency = int(movement["amount"]), dispute["currency"]
        if movement.get("currency", currency) != currency:  # settled in another currency: the dispute's own amount moved
            amount = int(dispute["amount"]) if amount > 0 else -int(dispute["amount"])
        values = {
            "balance_transaction_id": movement["id"], "dispute_id": dispute["id"], "stripe_account": stripe_account,
            "intent_id": dispute["payment_intent"], "amount": amount, "currency": currency, "created_at": now,
        }  # fmt: skip
        return bool(cls.insert(values).on_conflict_ignore().as_rowcount().execute())


def _of(payments: list[Payment]) -> dict[tuple[str, str], str]:
    return {(payment.stripe_account, payment.intent_id): payment.id for payment in payments if payment.intent_id}


def dispute_facts(payments: list[Payment]) -> list[ReturnFact]:
    """What disputes took from these payments, as facts of the fold."""
    keys = _of(payments)
    movements = DisputeMovement.select().where(DisputeMovement.intent_id.in_([intent for _, intent in keys] or [""]))
    return [ReturnFact(keys[key], -row.amount, row.currency) for row in movements if (key := (row.stripe_account, row.intent_id)) in keys]


def has_open_dispute(payments: list[Payment]) -> bool:
    """Whether any of these payments is disputed and the dispute is not over."""
    keys = _of(payments)
    rows = Dispute.select().where(Dispute.intent_id.in_([intent for _, intent in keys] or [""]), Dispute.status.not_in(CLOSED))
    return any((row.stripe_account, row.intent_id) in keys for row in rows)
