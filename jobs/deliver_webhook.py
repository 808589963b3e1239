"""An event has reached an endpoint of the clinic's software, or it is given up after days; at least once, in any order.

Twice is harmless to a receiver that keeps ids: each try carries the event's own id, signed anew.
"""

import json
import random
from datetime import datetime, timedelta

from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.base import transaction
from models.emit import ATTEMPTS, QUEUE, emit
from models.staged_job import hasten_jobs
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint
from providers.webhook_receiver import GONE, Reply, post_webhook, signed_headers
from runtime.clock import real_now
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.secret_box import unseal
from runtime.settings import get_settings

# Seconds after each try that failed: about three days in all.
WAITS = (5, 60, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 20 * 3600)
QUIET = 60.0  # seconds an endpoint that fails is left alone by all its deliveries, so that it costs the others little

log = get_log("outgoing")


@job(queue=QUEUE, attempts=ATTEMPTS, timeout=15)
def deliver_webhook(delivery_id: int) -> None:
    """Send delivery `delivery_id`."""
    delivery = WebhookDelivery.get_by_id(delivery_id)
    if delivery.state != "waiting":
        return
    endpoint, now = delivery.endpoint, real_now()
    if endpoint.state != "active":
        _settle(delivery, "cancelled", now)
        return
    if endpoint.quiet_until is not None and endpoint.quiet_until > now:
        raise Snooze("the endpoint has just failed", (endpoint.quiet_until - now).total_seconds() + _spread(QUIET))
    reply = _send(delivery, endpoint, now)
    killpoint("webhook.sent")
    if reply.taken:
        _record_taken(delivery, endpoint, reply)
    else:
        _record_failed(delivery, endpoint, reply)


def message(delivery: WebhookDelivery) -> str:
    """What is sent: the event as the feed shows it."""
    event = delivery.event
    at = event.created_at.isoformat().replace("+00:00", "Z")
    return json.dumps({"id": event.event_id, "type": event.type, "timestamp": at, "accountId": event.account_id, "data": event.payload})


def _send(delivery: WebhookDelivery, endpoint: WebhookEndpoint, now: datetime) -> Reply:
    settings, body = get_settings(), message(delivery)
    headers = signed_headers(unseal(endpoint.secret), delivery.event.event_id, now, body)
    loopback = settings.webhooks_to_loopback and settings.payphone_env in {"demo", "test"}
    return post_webhook(endpoint.url, body.encode(), headers, loopback)


def _record_taken(delivery: WebhookDelivery, endpoint: WebhookEndpoint, reply: Reply) -> None:
    """What else waits for an endpoint that answers again need not wait for its hour."""
    now, was_failing = real_now(), endpoint.failures > 0
    with recording():
        delivery.record_try(_told(reply, now))
        delivery.record_settled("delivered", now)
        endpoint.record_answered()
        if was_failing:
            hasten_jobs(deliver_webhook.name, [str(row.id) for row in WebhookDelivery.waiting_for(endpoint)])


def _record_failed(delivery: WebhookDelivery, endpoint: WebhookEndpoint, reply: Reply) -> None:
    now, told = real_now(), reply.error or f"HTTP {reply.status}"
    wait = WAITS[delivery.attempts] if delivery.attempts < len(WAITS) else None
    log.info("webhook not taken", endpoint_id=endpoint.id, delivery_id=delivery.id, error=told, tries=delivery.attempts + 1)
    with transaction():
        delivery.record_try(_told(reply, now))
        given_up = endpoint.record_failed(told, now + timedelta(seconds=QUIET), now) or reply.status == GONE
        if given_up and endpoint.record_disabled(now):
            log.warning("webhook endpoint disabled", endpoint_id=endpoint.id, account_id=endpoint.account_id, error=told)
            emit(endpoint.account_id, "endpoint.disabled", {"endpointId": endpoint.id, "error": told}, f"endpoint:{endpoint.id}")
    if given_up or wait is None:
        _settle(delivery, "failed", now)
        return
    raise Snooze(f"not taken: {told}", wait + _spread(wait))


def _settle(delivery: WebhookDelivery, state: str, now: datetime) -> None:
    with recording():
        delivery.record_settled(state, now)


def _told(reply: Reply, now: datetime) -> dict[str, object]:
    return {"at": now.isoformat().replace("+00:00", "Z"), "status": reply.status, "error": reply.error, "milliseconds": reply.milliseconds}


def _spread(seconds: float) -> float:
    """Up to a tenth more, so that what failed together does not come back together."""
    return random.uniform(0, seconds / 10)  # noqa: S311 - spreading load, not a secret
