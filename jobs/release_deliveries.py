"""Release an endpoint's held deliveries, a slice at a time, once it works again; cancel them if it
is no longer active.

Twice is harmless: a delivery that was released or cancelled is no longer held. Slices are spread
out, so that other clinics' deliveries are sent in between.
"""

from actions.feed.hold_deliveries import PACE, cancel_waiting, lock_endpoint, release_batch
from delivery.attempt import Snooze
from delivery.registry import job
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import transaction

SLICE = 500


@job(queue="outgoing", calls_out=False, attempts=10, timeout=15)
def release_deliveries(endpoint_id: str, held_only: int) -> None:
    """Release the endpoint's deliveries. With `held_only` 1, those that back off after failed
    attempts of their own keep waiting.
    """
    with transaction():
        endpoint = lock_endpoint(WebhookEndpoint.get_by_id(endpoint_id))
        if endpoint.state != "active":
            released = cancel_waiting(endpoint, SLICE)
            pause = 0.0
        elif endpoint.is_held:
            return  # it fails again, so they stay held
        else:
            released = release_batch(endpoint, SLICE, bool(held_only))
            pause = SLICE * PACE / 1_000_000
    if released == SLICE:
        raise Snooze(f"more deliveries wait for endpoint {endpoint_id}", pause)
