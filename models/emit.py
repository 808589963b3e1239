"""Telling a clinic's own software: the one function that writes an event which goes out."""

from typing import Any

from models.base import share_on, transaction
from models.outgoing_event import TYPES, OutgoingEvent, feed_key
from models.staged_job import insert_job
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint
from runtime.clock import real_now
from runtime.ids import new_id

# The policy of the job `deliver_webhook`; it stands here because a row cannot ask the room above for it.
JOB, QUEUE, ATTEMPTS = "deliver_webhook", "outgoing", 20


def emit(account_id: str, type: str, payload: dict[str, Any], subject: str = "") -> OutgoingEvent:
    """Tell the account's software a fact: in its feed and at its endpoints. Commits with the caller's transaction.

    `type` is one of TYPES; `payload` camelCase ids, amounts in minor units, statuses; `subject` the row it is
    about, such as `invoice:inv_…`. Call it once per transition.
    """
    if type not in TYPES:
        raise ValueError(f"{type!r} is no type of event that goes out; see models/outgoing_event.py.")
    with transaction():
        share_on(feed_key(account_id))
        event = OutgoingEvent.create(event_id=new_id("oev"), account_id=account_id, type=type, subject=subject, payload=payload, created_at=real_now())
        endpoints = WebhookEndpoint.select().where(WebhookEndpoint.account == account_id, WebhookEndpoint.state == "active")
        for endpoint in endpoints:
            if endpoint.wants(type):
                deliver(event, endpoint)
        return event


def deliver(event: OutgoingEvent, endpoint: WebhookEndpoint) -> None:
    """Plan the delivery of one event to one endpoint, with the job that does it; the relay pushes it."""
    planned = WebhookDelivery.create(event=event, endpoint=endpoint, created_at=real_now())
    insert_job(JOB, str(planned.id), [planned.id], QUEUE, ATTEMPTS, 0.0, pushed=False, request_id=None)
