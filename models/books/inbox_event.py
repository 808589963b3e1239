"""Incoming provider events, verbatim except for card numbers, and their outcomes."""

from datetime import datetime

from peewee import BigAutoField, TextField

from models.base import Instant, Row, execute, to_micros
from rules.card_documents import redacted_json
from rules.card_numbers import redact


class InboxEvent(Row):
    """One event, unique per provider, account and event id. `outcome` is null until it is
    processed.
    """

    id = BigAutoField()
    provider = TextField()
    account = TextField(default="")
    event_id = TextField()
    type = TextField()
    payload = TextField()
    received_at = Instant()
    processed_at = Instant(null=True)
    outcome = TextField(null=True)
    reason = TextField(null=True)
    invoice_id = TextField(null=True)

    class Meta:
        indexes = (
            (("provider", "account", "event_id"), True),
            (("outcome", "id"), False),
            (("invoice_id",), False),
        )

    @classmethod
    def receive(
        cls,
        provider: str,
        account: str,
        event_id: str,
        event_type: str,
        payload: str,
        now: datetime,
    ) -> int | None:
        """Store an event; its row's id, or None for a duplicate. Card numbers in it are removed."""
        row = execute(
            "INSERT INTO inbox_event (provider, account, event_id, type, payload, received_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (provider, account, event_id) DO NOTHING"
            " RETURNING id",
            (
                provider,
                account,
                event_id,
                redact(event_type),
                redacted_json(payload),
                to_micros(now),
            ),
        ).fetchone()
        return None if row is None else int(row[0])

    def record_outcome(
        self, outcome: str, now: datetime, reason: str | None = None, invoice_id: str | None = None
    ) -> None:
        """Record its outcome: applied, unchanged, ignored, unmatched or refused."""
        InboxEvent.update(
            outcome=outcome, reason=reason, invoice_id=invoice_id, processed_at=now
        ).where(InboxEvent.id == self.id).execute()

    def record_unmatched(self, intent_id: str, now: datetime) -> None:
        """No payment or invoice here has this intent, as far as we know now."""
        self.record_outcome("unmatched", now, reason=_unmatched(intent_id))

    @classmethod
    def record_matched(cls, account: str, intent_id: str, invoice_id: str, now: datetime) -> None:
        """The intent's payment is known now, so the refunds and disputes stored for it count: their
        events were applied.
        """
        kept = cls.type.startswith("refund.") | cls.type.startswith("charge.")
        same = (
            (cls.outcome == "unmatched")
            & (cls.provider == "stripe")
            & (cls.account == account)
            & (cls.reason == _unmatched(intent_id))
        )
        cls.update(outcome="applied", reason=None, invoice_id=invoice_id, processed_at=now).where(
            same & kept
        ).execute()


def _unmatched(intent_id: str) -> str:
    return f"{intent_id} belongs to no invoice here"
