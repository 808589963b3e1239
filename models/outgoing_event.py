"""What the clinic's own software is told: a feed of facts, each written in the transaction that makes it one.

Payloads hold ids, amounts and statuses only: no names, no phone numbers, nothing about health.
"""

from peewee import BigAutoField, JSONField, TextField

from models.base import Instant, Row, execute, is_postgres, serialize_on, transaction

TYPES = (
    "invoice.paid", "invoice.overdue", "payment.failed", "payment.voided", "refund.succeeded", "refund.failed", "dispute.opened", "dispute.closed",
    "promise.made", "promise.kept", "promise.broken", "contact.opted_out", "deployment.live", "deployment.failed", "escalation.opened",
    "ceiling.reached", "endpoint.disabled",
)  # fmt: skip


class OutgoingEvent(Row):
    """One fact. `id` is the feed's cursor, `event_id` what receivers tell repetitions by, `subject` a row such as `invoice:inv_…`."""

    id = BigAutoField()
    event_id = TextField(unique=True)
    account_id = TextField()
    type = TextField()
    subject = TextField(default="")
    payload = JSONField()
    created_at = Instant()

    class Meta:
        indexes = ((("account_id", "id"), False), (("subject", "id"), False))


def feed_key(account_id: str) -> str:
    """What those who write to a feed hold together, and a reader waits for."""
    return f"feed:{account_id}"


def feed_after(account_id: str, cursor: int, limit: int) -> list[OutgoingEvent]:
    """Up to `limit` events after `cursor`, oldest first; what is answered once never gets a predecessor later.

    Ids are given out before commits, and in PostgreSQL transactions may overtake one another. So a reader first
    waits for those who are writing to this feed, and reads no further than the last of theirs. SQLite has one
    writer at a time, and needs no lock.
    """
    if is_postgres():
        with transaction():
            serialize_on(feed_key(account_id))
            last = last_event(account_id)
    else:
        last = last_event(account_id)
    query = OutgoingEvent.select().where(OutgoingEvent.account_id == account_id, OutgoingEvent.id > cursor, OutgoingEvent.id <= last)
    return list(query.order_by(OutgoingEvent.id).limit(limit))


def last_event(account_id: str) -> int:
    """The cursor of an account's newest event; 0 when there is none."""
    return int(execute("SELECT COALESCE(MAX(id), 0) FROM outgoing_event WHERE account_id = ?", (account_id,)).fetchone()[0])
