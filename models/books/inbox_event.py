"""Incoming provider events, verbatim except for card numbers and Stripe's client secrets, and their
outcomes.
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

# what may hold a client secret; there is an index of it, which is empty but for moments
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
    """An event as it may be stored. It takes a while, and no database: who keeps others waiting for
    their turn to write has done it before.

    `names` are the intent and the invoice it names; without them it holds back contact about every
    invoice of its account until it is processed.
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
    """One event, unique per provider, account and event id. `outcome` is null until it is
    processed.

    `intent_id` and `named_invoice_id` are what a Stripe event is about by its own words, empty when
    it names none; null when nobody looked, as in an older release. `invoice_id` is the
    invoice it turned out to belong to.
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
        """Store an event as `clean_event` makes it; its row's id, or None for a duplicate."""
        event = clean_event(provider, account, event_id, event_type, payload, names)
        return cls.receive_all([event], now)[0]

    @classmethod
    def receive_all(cls, events: Sequence[CleanEvent], now: datetime) -> list[int | None]:
        """Store events by one statement; the id of each one's row, or None for a duplicate."""
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
    def known(cls, provider: str, event_ids: Sequence[str]) -> set[str]:
        """Which of these events of a provider, that has no accounts, are here."""
        marks = ", ".join("?" for _ in event_ids) or "NULL"
        rows = execute(
            "SELECT event_id FROM inbox_event WHERE provider = ? AND account = '' AND event_id IN"
            f" ({marks})",
            (provider, *event_ids),
        ).fetchall()
        return {str(event_id) for (event_id,) in rows}

    def forget_client_secrets(self) -> None:
        """Take them out of a payload that a process of an earlier release has stored."""
        clean = without_client_secrets(self.payload)
        if clean != self.payload:
            self._write(payload=clean)

    @classmethod
    def forget_left_secrets(cls, most: int) -> int:
        """Take client secrets out of up to `most` payloads, the newest first; of how many.

        A process of an earlier release that still runs beside this one keeps what it receives as it
        is, and one of its workers may be done with it before ours sees it.
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
        """No payment or invoice here has this intent, as far as we know now."""
        self.record_outcome("unmatched", now, reason=f"{intent_id} belongs to no invoice here")
        # an older release received it without looking at what it names
        self._write(intent_id=intent_id)

    @classmethod
    def record_matched(cls, account: str, intent_id: str, invoice_id: str, now: datetime) -> None:
        """The intent's payment is known now, so the refunds and disputes stored for it count: their
        events were applied.
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
        """The condition that finds events whose type begins with one of `prefixes`."""
        return reduce(or_, (cls.type.startswith(prefix) for prefix in prefixes))


# few of many wait, which no planner sees in an index of outcomes once most are the same
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
