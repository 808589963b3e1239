"""Disputes: their state as last read from Stripe, and the balance transactions they caused."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from peewee import BigIntegerField, TextField, fn

from models.base import Instant, Row
from models.invoices.invoice import Invoice
from models.payments.payment import Payment, at_stripe
from rules.dispute_course import CLOSED, begins_anew, may_follow, withheld
from runtime.errors import Conflict

LAST_SECOND = 32_503_680_000  # start of the year 3000
UNTOLD = "unknown"  # the state of a dispute if Stripe names none


class Dispute(Row):
    """A dispute. Its statuses have no fixed order, so the current one is read from Stripe; a closed
    one is final unless it is appealed.

    `due_by` is Stripe's deadline for evidence. `announced` is the last event sent to the clinic's
    software, opened or closed; empty before the first one, and once it begins anew.
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
        """Record a dispute as it is at Stripe now, with the money it moved, and return whether
        anything was new.

        Raises Conflict if another state was recorded after Stripe was asked for this one: the
        states have no order by which to merge them.
        """
        moved = [
            DisputeMovement.record(stripe_account, dispute, movement, now)
            for movement in dispute.get("balance_transactions") or []
        ]
        fields = {
            # a dispute without a known state is not over
            "status": dispute.get("status") or UNTOLD,
            "reason": dispute.get("reason") or "",
            "amount": dispute["amount"],
            "currency": dispute["currency"],
            "due_by": _due_by(dispute),
        }
        known = cls.get_or_none(cls.dispute_id == dispute["id"])
        if known is None:
            base = {
                "dispute_id": dispute["id"],
                "stripe_account": stripe_account,
                "intent_id": dispute["payment_intent"],
            }
            cls.create(**base, **fields, created_at=now, updated_at=now)
            return True
        if known.updated_at > dispute.get("asked_at", now):
            raise Conflict(f"Dispute {known.dispute_id} has changed since Stripe was asked.")
        is_moved = fields["due_by"] not in {None, known.due_by} and known.status == fields["status"]
        money = DisputeMovement.known(dispute["id"]) if known.status in CLOSED else []
        if not may_follow(known.status, str(fields["status"]), money) and not is_moved:
            return any(moved)
        if begins_anew(known.status, str(fields["status"])):
            fields["announced"] = ""
        cls.update(**fields, updated_at=now).where(cls.dispute_id == known.dispute_id).execute()
        return True

    @classmethod
    def won_but_withheld(cls, stripe_account: str) -> list[str]:
        """The ids of won disputes whose money has not come back, as far as we know."""
        moved = fn.SUM(DisputeMovement.amount)
        rows = (
            cls.select(cls.dispute_id)
            .join(DisputeMovement, on=(DisputeMovement.dispute_id == cls.dispute_id))
            .where(cls.status == "won", cls.stripe_account == stripe_account)
            .group_by(cls.dispute_id)
            .having(moved < 0)
        )
        return sorted(row.dispute_id for row in rows)

    @property
    def needs_evidence(self) -> bool:
        """Whether evidence is still due, by `due_by`."""
        return self.status.endswith("needs_response")

    def record_announced(self, what: str) -> None:
        """Record that the event `what` was sent to the clinic's software."""
        Dispute.update(announced=what).where(Dispute.dispute_id == self.dispute_id).execute()


def _due_by(dispute: dict[str, Any]) -> datetime | None:
    """Stripe's deadline for evidence, from epoch seconds; None if no answer is possible."""
    details = dispute.get("evidence_details")
    seconds = details.get("due_by") if isinstance(details, dict) else None
    if not isinstance(seconds, int) or not 0 < seconds < LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC)


class DisputeMovement(Row):
    """A balance transaction of a dispute: money it took (negative) or returned (positive), in the
    account's settlement currency, which may differ from the payment's.
    """

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
        """Record one balance transaction of a dispute.

        Returns False if it is unchanged. An earlier release stored the dispute's own amount if the
        currencies differed; that is corrected.
        """
        money = {
            "amount": int(movement["amount"]),
            "currency": str(movement.get("currency") or dispute["currency"]),
        }
        known = cls.get_or_none(cls.balance_transaction_id == movement["id"])
        if known is None:
            about = {
                "balance_transaction_id": movement["id"],
                "dispute_id": dispute["id"],
                "stripe_account": stripe_account,
                "intent_id": dispute["payment_intent"],
                "created_at": now,
            }
            return bool(cls.insert(about | money).on_conflict_ignore().as_rowcount().execute())
        if (known.amount, known.currency) == (money["amount"], money["currency"]):
            return False
        cls.update(**money).where(cls.balance_transaction_id == movement["id"]).execute()
        return True

    @classmethod
    def known(cls, dispute_id: str) -> list[tuple[int, str]]:
        """All that a dispute has moved, as far as we know: amounts and currencies."""
        return [(row.amount, row.currency) for row in cls.all("dispute_id = ?", dispute_id)]


def disputes_of(payments: list[Payment]) -> list[tuple[Payment, Dispute]]:
    """The disputes of these payments, each with its payment."""
    return at_stripe(Dispute, payments)


class Withheld(NamedTuple):
    """What a dispute withholds, in minor units of its own currency."""

    payment: Payment
    dispute: Dispute
    amount: int


def withheld_by(
    disputes: list[tuple[Payment, Dispute]], movements: list[tuple[Payment, DisputeMovement]]
) -> list[Withheld]:
    """Each dispute with what it withholds: its whole amount, or nothing."""
    moved: dict[str, list[tuple[int, str]]] = {}
    for _, row in movements:
        moved.setdefault(row.dispute_id, []).append((row.amount, row.currency))
    return [
        Withheld(payment, row, withheld(row.amount, moved.get(row.dispute_id, ())))
        for payment, row in disputes
    ]


def has_open_dispute(disputes: list[Withheld]) -> bool:
    """Whether any of these is not over. A won one is over once Stripe has returned the money."""
    return any(
        each.dispute.status not in CLOSED or (each.dispute.status == "won" and each.amount > 0)
        for each in disputes
    )


def evidence_due_by(invoice: Invoice) -> datetime | None:
    """The next deadline for answering a dispute of this invoice, or None."""
    if not invoice.disputed:
        return None
    rows = disputes_of(list(Payment.select().where(Payment.invoice == invoice.id)))
    return min((row.due_by for _, row in rows if row.needs_evidence and row.due_by), default=None)
