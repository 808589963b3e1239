"""Disputes: their state as last read from Stripe, and the money they moved,
by balance transaction.
"""

from datetime import UTC, datetime
from typing import Any

from peewee import BigIntegerField, TextField

from models.base import Instant, Row
from models.invoices.invoice import Invoice
from models.payments.payment import Payment, at_stripe
from rules.dispute_course import CLOSED, may_follow


class Dispute(Row):
    """One dispute. Its statuses have no fixed order, so the current one is read at Stripe; closed
    is final unless it is appealed.

    `due_by` is Stripe's deadline for evidence. `announced`: the last event the clinic's software
    was sent, opened or closed.
    """

    dispute_id = TextField(primary_key=True)
    stripe_account = TextField(default="")
    intent_id = TextField()
    amount = BigIntegerField()
    currency = TextField()
    reason = TextField(default="")
    status = TextField()
    due_by = Instant(null=True)
    announced = TextField(default="", column_name="told")
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("stripe_account", "intent_id"), False), (("status",), False))

    @classmethod
    def record_report(cls, stripe_account: str, dispute: dict[str, Any], now: datetime) -> bool:
        """Record a dispute as it is at Stripe now, with the money it moved. Answers whether
        anything was new.
        """
        moved = [
            DisputeMovement.record(stripe_account, dispute, movement, now)
            for movement in dispute.get("balance_transactions") or []
        ]
        said = {
            "status": dispute["status"],
            "reason": dispute.get("reason") or "",
            "amount": dispute["amount"],
            "currency": dispute["currency"],
        }
        said["due_by"] = _due_by(dispute)
        known = cls.get_or_none(cls.dispute_id == dispute["id"])
        if known is None:
            base = {
                "dispute_id": dispute["id"],
                "stripe_account": stripe_account,
                "intent_id": dispute["payment_intent"],
            }
            cls.create(**base, **said, created_at=now, updated_at=now)
            return True
        is_moved = said["due_by"] not in {None, known.due_by} and known.status == said["status"]
        if not may_follow(known.status, str(said["status"])) and not is_moved:
            return any(moved)
        cls.update(**said, updated_at=now).where(cls.dispute_id == known.dispute_id).execute()
        return True

    @property
    def wants_answer(self) -> bool:
        """Whether evidence is still due, by `due_by`."""
        return self.status.endswith("needs_response")

    def record_announced(self, what: str) -> None:
        """The clinic's software has been sent the event `what`."""
        Dispute.update(announced=what).where(Dispute.dispute_id == self.dispute_id).execute()


def _due_by(dispute: dict[str, Any]) -> datetime | None:
    """Stripe's deadline for evidence, from seconds since the epoch; None where no answer is
    possible.
    """
    seconds = (dispute.get("evidence_details") or {}).get("due_by")
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


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
    def record(
        cls, stripe_account: str, dispute: dict[str, Any], movement: dict[str, Any], now: datetime
    ) -> bool:
        """Record one balance transaction of a dispute; False when it was known."""
        amount = int(movement["amount"])
        currency = dispute["currency"]
        # settled in another currency: the dispute's own amount moved
        if movement.get("currency", currency) != currency:
            amount = int(dispute["amount"]) if amount > 0 else -int(dispute["amount"])
        values = {
            "balance_transaction_id": movement["id"],
            "dispute_id": dispute["id"],
            "stripe_account": stripe_account,
            "intent_id": dispute["payment_intent"],
            "amount": amount,
            "currency": currency,
            "created_at": now,
        }
        return bool(cls.insert(values).on_conflict_ignore().as_rowcount().execute())


def disputes_of(payments: list[Payment]) -> list[tuple[Payment, Dispute]]:
    """The disputes of these payments, each with its payment."""
    return at_stripe(Dispute, payments)


def has_open_dispute(
    disputes: list[tuple[Payment, Dispute]], movements: list[tuple[Payment, DisputeMovement]]
) -> bool:
    """Whether any of these disputes is not over: one that was won is when Stripe gives the money
    back.
    """
    moved: dict[str, list[int]] = {}
    for _, movement in movements:
        moved.setdefault(movement.dispute_id, []).append(movement.amount)
    return any(
        row.status not in CLOSED
        or (row.status == "won" and _is_withheld(moved.get(row.dispute_id, [])))
        for _, row in disputes
    )


def _is_withheld(amounts: list[int]) -> bool:
    """Whether what the dispute took has not come back yet, neither whole nor in part."""
    return min(amounts, default=0) < 0 and max(amounts) <= 0


def answer_due_by(invoice: Invoice) -> datetime | None:
    """The next deadline for answering a dispute of this invoice, if there is one."""
    if not invoice.disputed:
        return None
    rows = disputes_of(list(Payment.select().where(Payment.invoice == invoice.id)))
    return min((row.due_by for _, row in rows if row.wants_answer and row.due_by), default=None)
