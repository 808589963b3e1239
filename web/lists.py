"""Lists by cursor: `limit` (at most 100) and `startingAfter`, answered as `{"data": […], "hasMore": bool}`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import falcon
from peewee import ModelSelect

from web.problems import Problem

MAX_LIMIT = 100


def limit_of(req: falcon.Request) -> int:
    """How many rows are asked for. Raises Problem 422."""
    limit = req.get_param_as_int("limit", default=20)
    if not 1 <= limit <= MAX_LIMIT:
        raise Problem("invalid", f"limit must be from 1 to {MAX_LIMIT}.", [{"field": "limit", "message": "out of range"}])
    return limit


def moment_of(req: falcon.Request, name: str) -> datetime | None:
    """A time out of the query, RFC 3339; without an offset it is UTC. Raises Problem 422."""
    text = req.get_param(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "+"))  # a plus sign that was not escaped came as a space
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise Problem("invalid", f"{name} must be a time such as 2026-01-31T09:30:00Z.", [{"field": name, "message": "is not a time"}]) from None


def page(req: falcon.Request, query: "ModelSelect[Any]", model: Any, show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """One page of `query`, newest first by id."""
    limit = limit_of(req)
    after = req.get_param("startingAfter")
    if after:
        query = query.where(model.id < after)
    rows = list(query.order_by(model.id.desc()).limit(limit + 1))
    return {"data": [show(row) for row in rows[:limit]], "hasMore": len(rows) > limit}
