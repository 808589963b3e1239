"""Holding and releasing an endpoint's waiting deliveries: while it fails, only one at a time may go.

A held delivery's job has a due time far off, so that no worker claims it, and becomes due when the endpoint accepts a delivery again.
Whoever changes whether an endpoint fails locks its account's feed (`lock_endpoint`), so that no delivery is created meanwhile.
"""

from models.base import execute, serialize_on
from models.emit import HELD, JOB
from models.outgoing_event import feed_key
from models.webhook_endpoint import WebhookEndpoint

_SECOND = 1_000_000
PACE = 10_000  # microseconds between deliveries that are let go

_WAITING = "FROM webhook_delivery d JOIN staged_job j ON j.name = ? AND j.key = CAST(d.id AS TEXT) WHERE d.endpoint_id = ? AND d.state = 'waiting' AND j.state "


def lock_endpoint(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint, fresh, with its feed locked: no delivery to it is created until the transaction ends."""
    serialize_on(feed_key(endpoint.account_id))
    row: WebhookEndpoint = WebhookEndpoint.get_by_id(endpoint.id)
    return row


def next_to_ask(endpoint: WebhookEndpoint) -> list[int]:
    """The deliveries that should test the endpoint next: the least tried, then the oldest; two at most."""
    rows = execute(f"SELECT d.id {_WAITING} IN ('waiting', 'running') ORDER BY d.attempts, d.id LIMIT 2", (JOB, endpoint.id)).fetchall()
    return [int(row[0]) for row in rows]


def ask_at(delivery_id: int, seconds: float) -> None:
    """Make a waiting delivery due in `seconds`."""
    sql = "UPDATE staged_job SET due_at = {now} + ?, pushed_at = NULL WHERE name = ? AND key = ? AND state = 'waiting'"
    execute(sql, (int(seconds * _SECOND), JOB, str(delivery_id)))


def hold(endpoint: WebhookEndpoint, *but: int) -> int:
    """Hold the endpoint's waiting deliveries, except those of the ids in `but`; how many were not held before."""
    marks = ", ".join("?" for _ in but)
    sql = (
        "UPDATE staged_job SET due_at = {now} + ?, pushed_at = NULL WHERE name = ? AND state = 'waiting' AND due_at < {now} + ? AND key IN "
        f"(SELECT CAST(id AS TEXT) FROM webhook_delivery WHERE endpoint_id = ? AND state = 'waiting' AND id NOT IN ({marks}))"
    )
    return int(execute(sql, (int(HELD * _SECOND), JOB, int(HELD * _SECOND / 2), endpoint.id, *but)).rowcount)


def let_go(endpoint: WebhookEndpoint, limit: int, held_only: bool) -> int:
    """Release up to `limit` waiting deliveries, oldest first, `PACE` apart; how many. `held_only`: not those waiting after an attempt of their own."""
    sql = (
        "UPDATE staged_job SET due_at = {now} + (id - id / ? * ?) * ?, pushed_at = NULL WHERE state = 'waiting' AND id IN "
        f"(SELECT j.id {_WAITING} = 'waiting' "
        "AND j.due_at > {now} + ? ORDER BY d.id LIMIT ?)"
    )
    least = max(limit * PACE, int(HELD * _SECOND / 4) if held_only else 0)
    return int(execute(sql, (limit, limit, PACE, JOB, endpoint.id, least, limit)).rowcount)


def cancel_waiting(endpoint: WebhookEndpoint, limit: int) -> int:
    """Cancel up to `limit` waiting deliveries of a disabled or deleted endpoint, with their jobs; how many."""
    ids = [int(row[0]) for row in execute(f"SELECT d.id {_WAITING} = 'waiting' ORDER BY d.id LIMIT ?", (JOB, endpoint.id, limit)).fetchall()]
    if not ids:
        return 0
    marks = ", ".join("?" for _ in ids)
    over = "state = 'cancelled', finished_at = {now}, last_error = NULL"
    execute(f"UPDATE staged_job SET {over} WHERE name = ? AND state = 'waiting' AND key IN ({marks})", (JOB, *map(str, ids)))
    execute(f"UPDATE webhook_delivery SET state = 'cancelled', settled_at = {{now}} WHERE state = 'waiting' AND id IN ({marks})", tuple(ids))
    return len(ids)
