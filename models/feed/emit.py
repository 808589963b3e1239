"""Emitting events to a clinic's software: the one function that writes them."""

from datetime import datetime
from typing import Any

from models.base import share_on, transaction
from models.delivery.stage import stage
from models.feed.outgoing_event import TYPES, OutgoingEvent, feed_key
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from runtime.clock import real_now
from runtime.ids import new_id

HELD = 86_400.0  # seconds that a held delivery's job is put off; held anew long before


def emit(account_id: str, type: str, payload: dict[str, Any], subject: str = "") -> OutgoingEvent:
    """Emit an event to the account's feed and endpoints. Commits with the caller's transaction.

    `type` is one of TYPES; `payload` camelCase ids, amounts in minor units, statuses; `subject` the
    row it is about, such as `invoice:inv_…`. Call it once per transition.
    """
    if type not in TYPES:
        raise ValueError(
            f"{type!r} is no type of event that goes out; see models/feed/outgoing_event.py."
        )
    with transaction():
        share_on(feed_key(account_id))
        event = OutgoingEvent.create(
            event_id=new_id("oev"),
            account_id=account_id,
            type=type,
            subject=subject,
            payload=payload,
            created_at=real_now(),
        )
        for endpoint in WebhookEndpoint.all("account_id = ? AND state = 'active'", account_id):
            if endpoint.wants(type):
                deliver(event, endpoint)
        return event


def deliver(event: OutgoingEvent, endpoint: WebhookEndpoint) -> None:
    """Create the delivery of one event to one endpoint, with its job; the relay pushes it."""
    now = real_now()
    delay = _delay(endpoint, now)
    planned = WebhookDelivery.create(event=event, endpoint=endpoint, created_at=now)
    stage(
        "deliver_webhook", planned.id, planned.id, fair_to=endpoint.turn, delay=delay, nudged=False
    )


def _delay(endpoint: WebhookEndpoint, now: datetime) -> float:
    """Seconds until it is due: 0, or, while the endpoint's deliveries are held, until its next
    test; held if another delivery does that.
    """
    if not endpoint.is_held:
        return 0.0
    if WebhookDelivery.has_untried(endpoint):
        return HELD
    return max(0.0, (endpoint.quiet_until - now).total_seconds()) if endpoint.quiet_until else 0.0
