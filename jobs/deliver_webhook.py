"""Deliver an event to a webhook endpoint of the clinic's software, at least once and in any order,
or give up after days.

Twice is harmless to a receiver that remembers ids: each attempt carries the event's own id, with a
new signature. A failed delivery is retried, and holds up no other. After several failures in a row,
one of the endpoint's deliveries at a time tests it; the others are held, unclaimed, until it works
again.
"""

import json
import random
from datetime import datetime

from actions.feed.endpoints import disable_endpoint
from actions.feed.hold_deliveries import (
    hold_deliveries,
    lock_endpoint,
    next_to_probe,
    schedule_delivery,
)
from delivery.attempt import Snooze, recording
from delivery.registry import job
from models.delivery.stage import stage_again
from models.feed.emit import HELD, emit
from models.feed.webhook_delivery import WebhookDelivery
from models.feed.webhook_endpoint import GIVEN_UP_AFTER, WebhookEndpoint
from models.transactions import transaction
from providers.outgoing_webhooks import GONE, Reply, post_webhook, signed_headers
from runtime.clock import real_now, rfc3339
from runtime.killpoint import killpoint
from runtime.log import get_log
from runtime.secret_box import unseal
from runtime.settings import get_settings

# Seconds to wait after each failed try, unless another delivery tests the endpoint instead. The
# last one repeats.
WAITS = 5, 60, 300, 1800, 3600

log = get_log("outgoing")


@job(queue="outgoing", calls_out=True, attempts=20, timeout=15)
def deliver_webhook(delivery_id: int) -> None:
    """Send delivery `delivery_id`."""
    delivery = WebhookDelivery.get_by_id(delivery_id)
    if delivery.state != "waiting":
        return
    endpoint = delivery.endpoint
    now = real_now()
    if endpoint.state != "active":
        _settle(delivery, "cancelled", now)
        return
    if endpoint.quiet_until is not None and endpoint.quiet_until > now:
        quiet = (endpoint.quiet_until - now).total_seconds()
        raise Snooze(
            "the endpoint has just failed",
            quiet if delivery.id in next_to_probe(endpoint)[:1] else HELD,
        )
    reply = _send(delivery, endpoint, now)
    killpoint("webhook.sent")
    if reply.taken:
        _record_taken(delivery, endpoint, reply)
    else:
        _record_failed(delivery, endpoint, reply)


def _send(delivery: WebhookDelivery, endpoint: WebhookEndpoint, now: datetime) -> Reply:
    body = json.dumps(delivery.event.body)
    headers = signed_headers(unseal(endpoint.secret), delivery.event.event_id, now, body)
    return post_webhook(endpoint.url, body.encode(), headers, get_settings().webhooks_may_stay_here)


def _record_taken(delivery: WebhookDelivery, endpoint: WebhookEndpoint, reply: Reply) -> None:
    """Record the delivery, and release the endpoint's held deliveries if it has just recovered."""
    now = real_now()
    with recording():
        delivery.record_try(_try_entry(reply, now))
        delivery.record_settled("delivered", now)
        if endpoint.failures:
            fresh = lock_endpoint(endpoint)
            was_held = fresh.is_held
            fresh.record_answered()
            if was_held:
                key = f"{fresh.id}:0"
                stage_again("release_deliveries", key, fresh.id, 0, fair_to=fresh.turn)


def _record_failed(delivery: WebhookDelivery, endpoint: WebhookEndpoint, reply: Reply) -> None:
    now = real_now()
    failure = reply.error or f"HTTP {reply.status}"
    delay = 0.0
    log.info(
        "webhook delivery failed",
        endpoint_id=endpoint.id,
        delivery_id=delivery.id,
        error=failure,
        tries=delivery.attempts + 1,
    )
    with transaction():
        fresh = lock_endpoint(endpoint)
        delivery.record_try(_try_entry(reply, now))
        has_moved = fresh.url != endpoint.url  # then the answer says nothing about the new URL
        given_up = not has_moved and (fresh.record_failed(failure, now) or reply.status == GONE)
        if given_up and fresh.state == "active":
            disable_endpoint(fresh, now)
            log.warning(
                "webhook endpoint disabled",
                endpoint_id=fresh.id,
                account_id=fresh.account_id,
                error=failure,
            )
            emit(
                fresh.account_id,
                "endpoint.disabled",
                {"endpointId": fresh.id, "error": failure},
                f"endpoint:{fresh.id}",
            )
        over = given_up or now - delivery.created_at >= GIVEN_UP_AFTER
        if over:
            delivery.record_settled("failed", now)
        if fresh.state == "active" and not has_moved:
            delay = _give_turn(fresh, delivery) if fresh.is_held else _spread(_own_delay(delivery))
    if not over:
        raise Snooze(f"not taken: {failure}", delay)


def _give_turn(endpoint: WebhookEndpoint, tried: WebhookDelivery) -> float:
    """Choose the delivery that tests the failing endpoint next, and hold the others. Returns the
    seconds that `tried` waits.
    """
    quiet = (endpoint.quiet_until - real_now()).total_seconds() if endpoint.quiet_until else 0.0
    chosen = next_to_probe(endpoint)[:1]
    alone = len(next_to_probe(endpoint)) == 1
    if tried.id in chosen:
        hold_deliveries(endpoint, tried.id)
        return _spread(_own_delay(tried) if alone else quiet)
    for delivery_id in chosen:
        schedule_delivery(delivery_id, quiet)
    hold_deliveries(endpoint, tried.id, *chosen)
    return HELD


def _own_delay(tried: WebhookDelivery) -> float:
    """Seconds until a failed delivery is retried on its own schedule."""
    return WAITS[min(tried.attempts, len(WAITS)) - 1]


def _settle(delivery: WebhookDelivery, state: str, now: datetime) -> None:
    with recording():
        delivery.record_settled(state, now)


def _try_entry(reply: Reply, now: datetime) -> dict[str, object]:
    return {
        "at": rfc3339(now),
        "status": reply.status,
        "error": reply.error,
        "milliseconds": reply.milliseconds,
    }


def _spread(seconds: float) -> float:
    """`seconds` and up to a tenth more, so that deliveries that failed together are not retried
    together.
    """
    return seconds * random.uniform(1, 1.1)  # noqa: S311 - spreading load, not a secret
