"""Emitting events to a clinic's software: the one function that writes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.delivery.stage import stage
from models.feed.outgoing_event import TYPES, OutgoingEvent, feed_key
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import share_on, transaction
from runtime.clock import real_now
from runtime.ids import new_id

HELD = 86_400.0  # seconds that a held delivery's job is put off; held anew long before


def emit(account_id: str, type: str, payload: dict[str, Any], subject: str = "") -> OutgoingEvent:
    """Emit an event to the account's feed and endpoints. Commits with the caller's transaction.

    `type` is one of TYPES; `payload` camelCase ids, amounts in minor units, statuses; `subject` the
    row it is about, such as `invoice:inv_…`. Call it once per transition.
    """
    _check(type)
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
        for endpoint in _endpoints(account_id, type):
            deliver(event, endpoint)
        return event


def emit_each(account_id: str, type: str, told: Mapping[str, dict[str, Any]]) -> None:
    """Emit events of one type, given as payloads by their subjects, together."""
    _check(type)
    now = real_now()
    same = {"account_id": account_id, "type": type, "created_at": now}
    rows = [
        same | {"event_id": new_id("oev"), "subject": subject, "payload": payload}
        for subject, payload in told.items()
    ]
    with transaction():
        share_on(feed_key(account_id))
        OutgoingEvent.insert_many(rows).execute()
        endpoints = _endpoints(account_id, type)
        for row in rows if endpoints else ():
            (event,) = OutgoingEvent.all("event_id = ?", row["event_id"])
            for endpoint in endpoints:
                deliver(event, endpoint)


def _check(type: str) -> None:
    if type not in TYPES:
        raise ValueError(
            f"{type!r} is no type of event that goes out; see models/feed/outgoing_event.py."
        )


def _endpoints(account_id: str, type: str) -> list[WebhookEndpoint]:
    """Those of the account that get events of this type."""
    active = WebhookEndpoint.all("account_id = ? AND state = 'active'", account_id)
    return [endpoint for endpoint in active if endpoint.wants(type)]


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
