"""Emit events to a clinic's software. Nothing else writes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from models.delivery.stage import stage
from models.feed.outgoing_event import TYPES, OutgoingEvent, feed_key
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import share_on, transaction
from runtime.clock import real_now
from runtime.ids import new_id

HELD = 86_400.0  # seconds that a held delivery's job is put off; it is rescheduled long before that


class NewEvent(NamedTuple):
    """An event to emit. `type` is one of TYPES; `payload` holds camelCase ids, amounts in minor
    units and statuses; `subject` is the row it is about, such as `invoice:inv_…`.
    """

    type: str
    payload: dict[str, Any]
    subject: str = ""


def emit(account_id: str, type: str, payload: dict[str, Any], subject: str = "") -> OutgoingEvent:
    """Emit an event, described as in `NewEvent`, to the account's feed and endpoints.

    Commits with the caller's transaction. Call it once per transition.
    """
    return emit_all(account_id, [NewEvent(type, payload, subject)])[0]


def emit_all(account_id: str, news: Sequence[NewEvent]) -> list[OutgoingEvent]:
    """Emit several events at once, in their order, as `emit` does."""
    for each in news:
        _check(each.type)
    with transaction():
        share_on(feed_key(account_id))
        now = real_now()
        events = [
            OutgoingEvent.create(
                event_id=new_id("oev"), account_id=account_id, created_at=now, **each._asdict()
            )
            for each in news
        ]
        active = _active(account_id)
        for event in events:
            for endpoint in active:
                if endpoint.subscribes_to(event.type):
                    deliver(event, endpoint)
        return events


def emit_each(account_id: str, type: str, payloads: Mapping[str, dict[str, Any]]) -> None:
    """Emit events of one type at once, given as a mapping of subjects to payloads."""
    _check(type)
    now = real_now()
    same = {"account_id": account_id, "type": type, "created_at": now}
    rows = [
        same | {"event_id": new_id("oev"), "subject": subject, "payload": payload}
        for subject, payload in payloads.items()
    ]
    with transaction():
        share_on(feed_key(account_id))
        OutgoingEvent.insert_many(rows).execute()
        endpoints = [endpoint for endpoint in _active(account_id) if endpoint.subscribes_to(type)]
        for row in rows if endpoints else ():
            (event,) = OutgoingEvent.all("event_id = ?", row["event_id"])
            for endpoint in endpoints:
                deliver(event, endpoint)


def _check(type: str) -> None:
    if type not in TYPES:
        raise ValueError(
            f"{type!r} is not a type of outgoing event; see models/feed/outgoing_event.py."
        )


def _active(account_id: str) -> list[WebhookEndpoint]:
    return WebhookEndpoint.all("account_id = ? AND state = 'active'", account_id)


def deliver(event: OutgoingEvent, endpoint: WebhookEndpoint) -> None:
    """Create the delivery of one event to one endpoint, with its job; the relay pushes it."""
    now = real_now()
    delay = _delay(endpoint, now)
    planned = WebhookDelivery.create(event=event, endpoint=endpoint, created_at=now)
    stage(
        "deliver_webhook", planned.id, planned.id, fair_to=endpoint.turn, delay=delay, nudged=False
    )


def _delay(endpoint: WebhookEndpoint, now: datetime) -> float:
    """Seconds until the delivery is due: 0, or, if the endpoint's deliveries are held, until its
    next test, or HELD if another delivery is already waiting to test it.
    """
    if not endpoint.is_held:
        return 0.0
    if WebhookDelivery.has_untried(endpoint):
        return HELD
    return max(0.0, (endpoint.quiet_until - now).total_seconds()) if endpoint.quiet_until else 0.0
