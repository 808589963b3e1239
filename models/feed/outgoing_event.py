"""The feed of events for the clinic's software.

Each event is written in the transaction it reports. Payloads hold ids, amounts and statuses only:
no names, no phone numbers, nothing about health.
"""

from typing import Any

from peewee import BigAutoField, JSONField, TextField

from models.accounts.account import is_live
from models.base import Instant, Row
from models.transactions import execute, is_postgres, serialize_on, transaction
from runtime.clock import rfc3339

TYPES = (
    "invoice.paid",
    "invoice.overdue",
    "payment.succeeded",
    "payment.failed",
    "payment.unexpected",
    "payment.voided",
    "refund.succeeded",
    "refund.failed",
    "dispute.opened",
    "dispute.closed",
    "promise.made",
    "promise.kept",
    "promise.broken",
    "contact.opted_out",
    "call.ended",
    "deployment.action_required",
    "deployment.live",
    "deployment.failed",
    "integration.expired",
    "escalation.opened",
    "ceiling.reached",
    "endpoint.disabled",
)
# what an endpoint can subscribe to: all, all of one subject such as `refund.*`, or one type
CHOICES = ("*", *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in TYPES), *TYPES)


class OutgoingEvent(Row):
    """An event. `id` is the feed's cursor, `event_id` lets receivers recognise duplicates,
    `subject` is a row such as `invoice:inv_…`.
    """

    id = BigAutoField()
    event_id = TextField(unique=True)
    account_id = TextField()
    type = TextField()
    subject = TextField(default="")
    payload = JSONField()
    created_at = Instant()

    class Meta:
        indexes = ((("account_id", "id"), False), (("subject", "id"), False))

    @property
    def body(self) -> dict[str, Any]:
        """The event as sent to the clinic's software, by the feed and by webhooks alike."""
        return {
            "id": self.event_id,
            "type": self.type,
            "timestamp": rfc3339(self.created_at),
            "accountId": self.account_id,
            "livemode": is_live(),
            "data": self.payload,
        }


def feed_key(account_id: str) -> str:
    """The key that a feed's writers share and a reader waits for."""
    return f"feed:{account_id}"


def feed_after(account_id: str, cursor: int, limit: int) -> list[OutgoingEvent]:
    """Up to `limit` events after `cursor`, oldest first.

    No event is ever inserted before one already returned. Ids are assigned before commits, and in
    PostgreSQL a later id may commit first. So a reader first waits for the feed's current writers,
    and reads no further than their last event. SQLite has one writer at a time and needs no lock.
    """
    if is_postgres():
        with transaction():
            serialize_on(feed_key(account_id))
            last = last_event(account_id)
    else:
        last = last_event(account_id)
    which = "account_id = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?"
    return OutgoingEvent.all(which, account_id, cursor, last, limit)


def last_event(account_id: str) -> int:
    """The cursor of an account's newest event, or 0."""
    return int(
        execute(
            "SELECT COALESCE(MAX(id), 0) FROM outgoing_event WHERE account_id = ?", (account_id,)
        ).fetchone()[0]
    )
