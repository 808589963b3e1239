"""Hold and release an endpoint's waiting deliveries: while an endpoint keeps failing, only one
delivery at a time is sent to it.

A held delivery's job is due far in the future, so that no worker claims it. It becomes due when the
endpoint accepts a delivery again. Code that changes whether an endpoint is failing locks its
account's feed first (`lock_endpoint`), so that no delivery is created at the same time.
"""

from models.delivery.staged_job import cancel_jobs, request_rerun_of_running, reschedule
from models.feed.emit import HELD
from models.feed.outgoing_event import feed_key
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import execute, serialize_on

_JOB = "deliver_webhook"
_SECOND = 1_000_000
PACE = 10_000  # microseconds between released deliveries

_WAITING = (
    "FROM webhook_delivery d JOIN staged_job j ON j.name = ? AND j.key = CAST(d.id AS TEXT) WHERE"
    " d.endpoint_id = ? AND d.state = 'waiting' AND j.state "
)


def lock_endpoint(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Lock the endpoint's feed and return its fresh row. No delivery to it is created until the
    transaction ends.
    """
    serialize_on(feed_key(endpoint.account_id))
    row: WebhookEndpoint = WebhookEndpoint.get_by_id(endpoint.id)
    return row


def next_to_probe(endpoint: WebhookEndpoint) -> list[int]:
    """Return the ids of up to two deliveries to probe the endpoint with next: fewest attempts
    first, then oldest.
    """
    rows = execute(
        f"SELECT d.id {_WAITING} IN ('waiting', 'running') ORDER BY d.attempts, d.id LIMIT 2",
        (_JOB, endpoint.id),
    ).fetchall()
    return [int(row[0]) for row in rows]


def schedule_delivery(delivery_id: int, seconds: float) -> None:
    """Make a waiting delivery due in `seconds`. One being rescheduled right now runs again."""
    which = "name = ? AND key = ?"
    request_rerun_of_running(which, (_JOB, str(delivery_id)))
    reschedule(which, (_JOB, str(delivery_id)), seconds)


def hold_deliveries(endpoint: WebhookEndpoint, *but: int) -> int:
    """Hold the endpoint's waiting deliveries, except the ids in `but`. Return how many were newly
    held.
    """
    marks = ", ".join("?" for _ in but)
    # a job due later than half of HELD is held already
    which = (
        "name = ? AND due_at < {now} + ? AND key IN (SELECT CAST(id AS TEXT) FROM"
        f" webhook_delivery WHERE endpoint_id = ? AND state = 'waiting' AND id NOT IN ({marks}))"
    )
    return reschedule(which, (_JOB, int(HELD * _SECOND / 2), endpoint.id, *but), HELD)


def release_batch(endpoint: WebhookEndpoint, limit: int, held_only: bool) -> int:
    """Release up to `limit` waiting deliveries, oldest first, `PACE` apart, and return how many.
    With `held_only`, skip those that wait for a retry of their own. Deliveries that are being
    rescheduled right now run again.
    """
    running = f"id IN (SELECT j.id {_WAITING} = 'running')"
    request_rerun_of_running(running, (_JOB, endpoint.id))
    which = (
        f"id IN (SELECT j.id {_WAITING} = 'waiting' AND j.due_at > {{now}} + ? ORDER BY d.id"
        " LIMIT ?)"
    )
    # a job due within `limit * PACE` was released just before; only held ones are due much later
    least = max(limit * PACE, int(HELD * _SECOND / 4) if held_only else 0)
    return reschedule(which, (_JOB, endpoint.id, least, limit), turns=limit, apart=PACE / _SECOND)


def cancel_waiting(endpoint: WebhookEndpoint, limit: int) -> int:
    """Cancel up to `limit` waiting deliveries of a disabled or deleted endpoint, with their jobs,
    and return how many.
    """
    ids = [
        int(row[0])
        for row in execute(
            f"SELECT d.id {_WAITING} = 'waiting' ORDER BY d.id LIMIT ?", (_JOB, endpoint.id, limit)
        ).fetchall()
    ]
    if not ids:
        return 0
    marks = ", ".join("?" for _ in ids)
    cancel_jobs(_JOB, [str(each) for each in ids])
    execute(
        "UPDATE webhook_delivery SET state = 'cancelled', settled_at = {now} WHERE state ="
        f" 'waiting' AND id IN ({marks})",
        tuple(ids),
    )
    return len(ids)
