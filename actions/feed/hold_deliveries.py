"""Holding and releasing an endpoint's waiting deliveries: while it fails again and again, only one
at a time may go.

A held delivery's job has a due time far off, so that no worker claims it, and becomes due when the
endpoint accepts a delivery again. Whoever changes whether an endpoint fails locks its account's
feed (`lock_endpoint`), so that no delivery is created meanwhile.
"""

from models.delivery.staged_job import cancel_jobs, reschedule, want_running_again
from models.feed.emit import HELD
from models.feed.outgoing_event import feed_key
from models.feed.webhook_endpoint import WebhookEndpoint
from models.transactions import execute, serialize_on

_JOB = "deliver_webhook"
_SECOND = 1_000_000
PACE = 10_000  # microseconds between deliveries that are let go

_WAITING = (
    "FROM webhook_delivery d JOIN staged_job j ON j.name = ? AND j.key = CAST(d.id AS TEXT) WHERE"
    " d.endpoint_id = ? AND d.state = 'waiting' AND j.state "
)


def lock_endpoint(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint, fresh, with its feed locked: no delivery to it is created until the transaction
    ends.
    """
    serialize_on(feed_key(endpoint.account_id))
    row: WebhookEndpoint = WebhookEndpoint.get_by_id(endpoint.id)
    return row


def next_to_ask(endpoint: WebhookEndpoint) -> list[int]:
    """The deliveries that should test the endpoint next: the least tried, then the oldest; two at
    most.
    """
    rows = execute(
        f"SELECT d.id {_WAITING} IN ('waiting', 'running') ORDER BY d.attempts, d.id LIMIT 2",
        (_JOB, endpoint.id),
    ).fetchall()
    return [int(row[0]) for row in rows]


def ask_at(delivery_id: int, seconds: float) -> None:
    """Make a waiting delivery due in `seconds`; one that is just being put off looks again."""
    which = "name = ? AND key = ?"
    want_running_again(which, (_JOB, str(delivery_id)))
    reschedule(which, (_JOB, str(delivery_id)), seconds)


def hold(endpoint: WebhookEndpoint, *but: int) -> int:
    """Hold the endpoint's waiting deliveries, except those of the ids in `but`; how many were not
    held before.
    """
    marks = ", ".join("?" for _ in but)
    which = (
        "name = ? AND due_at < {now} + ? AND key IN (SELECT CAST(id AS TEXT) FROM"
        f" webhook_delivery WHERE endpoint_id = ? AND state = 'waiting' AND id NOT IN ({marks}))"
    )
    return reschedule(which, (_JOB, int(HELD * _SECOND / 2), endpoint.id, *but), HELD)


def let_go(endpoint: WebhookEndpoint, limit: int, held_only: bool) -> int:
    """Release up to `limit` waiting deliveries, oldest first, `PACE` apart; how many. `held_only`:
    not those waiting after an attempt of their own. Those that are just being put off look again.
    """
    running = f"id IN (SELECT j.id {_WAITING} = 'running')"
    want_running_again(running, (_JOB, endpoint.id))
    which = (
        f"id IN (SELECT j.id {_WAITING} = 'waiting' AND j.due_at > {{now}} + ? ORDER BY d.id"
        " LIMIT ?)"
    )
    least = max(limit * PACE, int(HELD * _SECOND / 4) if held_only else 0)
    return reschedule(which, (_JOB, endpoint.id, least, limit), turns=limit, apart=PACE / _SECOND)


def cancel_waiting(endpoint: WebhookEndpoint, limit: int) -> int:
    """Cancel up to `limit` waiting deliveries of a disabled or deleted endpoint, with their jobs;
    how many.
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
