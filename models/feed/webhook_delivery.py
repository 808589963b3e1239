"""Delivery of one event to one endpoint: `waiting → delivered | failed | cancelled`."""

from datetime import datetime
from typing import Any

from peewee import BigAutoField, IntegerField, JSONField, TextField

from models.base import ForeignKey, Instant, Row
from models.feed.outgoing_event import OutgoingEvent
from models.feed.webhook_endpoint import WebhookEndpoint

KEPT_TRIES = 20  # the latest are kept


class WebhookDelivery(Row):
    """A delivery. `tries`: each attempt's time, status or error, and milliseconds; no bodies."""

    event_id: int
    endpoint_id: str
    id = BigAutoField()
    event = ForeignKey(OutgoingEvent, on_delete="CASCADE")
    endpoint = ForeignKey(WebhookEndpoint, on_delete="CASCADE")
    state = TextField(default="waiting")
    attempts = IntegerField(default=0)
    tries = JSONField(default=list)
    created_at = Instant()
    settled_at = Instant(null=True)

    class Meta:
        indexes = (
            (("event", "endpoint"), True),
            (("endpoint", "state", "id"), False),
            (("endpoint", "id"), False),
        )

    @classmethod
    def first_waiting(cls, endpoint: WebhookEndpoint) -> "WebhookDelivery | None":
        """The oldest delivery that waits for this endpoint, or None."""
        row: WebhookDelivery | None = (
            cls.select()
            .where(cls.endpoint == endpoint, cls.state == "waiting")
            .order_by(cls.id)
            .first()
        )
        return row

    @classmethod
    def has_untried(cls, endpoint: WebhookEndpoint) -> bool:
        """Whether a delivery that was never attempted waits for this endpoint."""
        return bool(
            cls.select()
            .where(cls.endpoint == endpoint, cls.state == "waiting", cls.attempts == 0)
            .exists()
        )

    def record_try(self, outcome: dict[str, Any]) -> None:
        """Record an attempt."""
        self._write(attempts=self.attempts + 1, tries=[*self.tries, outcome][-KEPT_TRIES:])

    def record_settled(self, state: str, now: datetime) -> None:
        """Record its final state: delivered, failed or cancelled."""
        self._write(state=state, settled_at=now)
