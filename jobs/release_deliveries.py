"""What was held for an endpoint goes, a slice at a time, once the endpoint works again; or is
cancelled, once nothing is to be sent to it.

Twice is harmless: what has gone or was cancelled waits no longer. Slices are spread, so that other
clinics' deliveries go between them.
"""

from actions.feed.hold_deliveries import PACE, cancel_waiting, let_go, lock_endpoint
from delivery.attempt import Snooze
from delivery.registry import job
from models.base import transaction
from models.feed.webhook_endpoint import WebhookEndpoint

SLICE = 500


@job(queue="outgoing", attempts=10, timeout=15)
def release_deliveries(endpoint_id: str, held_only: int) -> None:
    """Release what waits for the endpoint; `held_only`: 1 leaves what waits after a failed try of
    its own to its hour.
    """
    with transaction():
        endpoint = lock_endpoint(WebhookEndpoint.get_by_id(endpoint_id))
        if endpoint.state != "active":
            released, pause = cancel_waiting(endpoint, SLICE), 0.0
        elif endpoint.failures:
            return  # it fails again: they go on waiting
        else:
            released, pause = let_go(endpoint, SLICE, bool(held_only)), SLICE * PACE / 1_000_000
    if released == SLICE:
        raise Snooze(f"more deliveries wait for endpoint {endpoint_id}", pause)
