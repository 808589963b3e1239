"""Incoming provider events and their outcomes.

Stored verbatim, except for card numbers and Stripe's client secrets.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from peewee import SQL, BigAutoField, TextField

from models.base import Instant, Row, to_micros
from models.transactions import execute, insert_new
from rules.cards.card_documents import redacted_json
from rules.cards.card_numbers import redact
from rules.client_secrets import without_client_secrets
from rules.stripe_event_types import UNNAMED

# payloads that may contain a client secret; its index is almost always empty
SUSPECT = "replace(payload, '_secret_', '') <> payload"


class CleanEvent(NamedTuple):
    """The values of an event's row, without card numbers and client secrets."""

    provider: str
    account: str
    event_id: str
    type: str
    payload: str
    intent_id: str | None
    named_invoice_id: str | None


def clean_event(
    provider: str,
    account: str,
    event_id: str,
    event_type: str,
    payload: str,
    names: tuple[str, str] | None = None,
) -> CleanEvent:
    """Redact an event for storage.

    This takes a while but no database, so do it before taking the write lock, for which others
    wait.

    `names` are the intent and the invoice that the event names. Without them it holds back contact
    about every invoice of its account until it is processed.
    """
    intent_id, named_invoice_id = map(redact, names) if names is not None else (None, None)
    return CleanEvent(
        provider,
        account,
        event_id,
        redact(event_type),
        redacted_json(without_client_secrets(payload)),
        intent_id,
        named_invoice_id,
    )


class InboxEvent(Row):
    """An event, unique per provider, account and event id.

    `outcome` is null until it is processed. `intent_id` and `named_invoice_id` are those that a
    Stripe event itself names: empty if none, null if that was not examined, as by an older release.
    `invoice_id` is the invoice it was found to belong to.
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
    intent_id = TextField(null=True)
    named_invoice_id = TextField(null=True)

    class Meta:
        indexes = (
            (("provider", "account", "event_id"), True),
            (("outcome", "id"), False),
            (("invoice_id",), False),
            (("intent_id",), False),
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
        names: tuple[str, str] | None = None,
    ) -> int | None:
        """Store an event, redacted by `clean_event`. Returns its id, or None for a duplicate."""
        event = clean_event(provider, account, event_id, event_type, payload, names)
        return cls.receive_all([event], now)[0]

    @classmethod
    def receive_all(cls, events: Sequence[CleanEvent], now: datetime) -> list[int | None]:
        """Store events in one statement. Returns the id of each row, or None for a duplicate."""
        rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(events))
        return insert_new(
            "inbox_event",
            "INSERT INTO inbox_event (provider, account, event_id, type, payload, intent_id,"
            f" named_invoice_id, received_at) VALUES {rows}"
            " ON CONFLICT (provider, account, event_id) DO NOTHING",
            [value for event in events for value in (*event, to_micros(now))],
            "provider, account, event_id",
            [event[:3] for event in events],
        )

    @classmethod
    def stored(cls, provider: str, event_ids: Sequence[str]) -> set[str]:
        """Which of these events, of a provider without accounts, are stored."""
        marks = ", ".join("?" for _ in event_ids) or "NULL"
        rows = execute(
            "SELECT event_id FROM inbox_event WHERE provider = ? AND account = '' AND event_id IN"
            f" ({marks})",
            (provider, *event_ids),
        ).fetchall()
        return {str(event_id) for (event_id,) in rows}

    def forget_client_secrets(self) -> None:
        """Remove client secrets from the payload, stored by a process of an earlier release."""
        clean = without_client_secrets(self.payload)
        if clean != self.payload:
            self._write(payload=clean)

    @classmethod
    def forget_left_secrets(cls, most: int) -> int:
        """Remove client secrets from up to `most` payloads, newest first, and return how many were
        changed.

        During an upgrade, a process of an earlier release stores payloads unredacted, and one of
        its workers may finish an event before ours sees it.
        """
        suspects = cls.all(f"{SUSPECT} ORDER BY received_at DESC LIMIT ?", most)
        before = [event.payload for event in suspects]
        for event in suspects:
            event.forget_client_secrets()
        return sum(event.payload != was for event, was in zip(suspects, before, strict=True))

    def record_outcome(
        self, outcome: str, now: datetime, reason: str | None = None, invoice_id: str | None = None
    ) -> None:
        """Record its outcome: applied, unchanged, ignored, unmatched or refused."""
        self._write(outcome=outcome, reason=reason, invoice_id=invoice_id, processed_at=now)

    def record_unmatched(self, intent_id: str, now: datetime) -> None:
        """Record that no payment or invoice here has this intent yet."""
        self.record_outcome("unmatched", now, reason=f"{intent_id} belongs to no invoice here")
        # an older release may have received the event without recording the intent it names
        self._write(intent_id=intent_id)

    @classmethod
    def record_matched(cls, account: str, intent_id: str, invoice_id: str, now: datetime) -> None:
        """Record that refunds and disputes that were stored unmatched are applied, because the
        payment of their intent is now known.
        """
        cls.update(outcome="applied", reason=None, invoice_id=invoice_id, processed_at=now).where(
            cls.outcome == "unmatched",
            cls.provider == "stripe",
            cls.account == account,
            cls.intent_id == intent_id,
            cls.type_is_one_of(UNNAMED),
        ).execute()

    @classmethod
    def type_is_one_of(cls, prefixes: tuple[str, ...]) -> Any:
        """The condition that an event's type begins with one of `prefixes`."""
        return reduce(or_, (cls.type.startswith(prefix) for prefix in prefixes))


# a partial index, because planners misjudge an index of outcomes in which few rows of many wait
InboxEvent.add_index(
    InboxEvent.index(
        InboxEvent.account,
        InboxEvent.received_at,
        where=SQL("outcome IS NULL"),
        name="inbox_event_waiting",
    )
)
InboxEvent.add_index(
    InboxEvent.index(InboxEvent.received_at, where=SQL(SUSPECT), name="inbox_event_secret")
)
