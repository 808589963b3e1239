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
    return number_of(req, "limit", 20, 1, MAX_LIMIT)


def number_of(req: falcon.Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number out of the query. Raises Problem 422."""
    text = req.get_param(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise Problem("invalid", f"{name} must be a number from {least} to {most}.", [{"field": name, "message": "is out of range"}])
    return int(text)


def moment_of(req: falcon.Request, name: str) -> datetime | None:
    """A time out of the query, RFC 3339; without an offset it is UTC. Raises Problem 422."""
    text = req.get_param(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "+"))  # a plus sign that was not escaped came as a space
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem("invalid", f"{name} must be a time such as 2026-01-31T09:30:00Z.", [{"field": name, "message": "is not a time"}]) from None


def page(req: falcon.Request, query: "ModelSelect[Any]", model: Any, show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """One page of `query`, newest first by id."""
    limit = limit_of(req)
    after = req.get_param("startingAfter")
    if after:
        query = query.where(model.id < after)
    rows = list(query.order_by(model.id.desc()).limit(limit + 1))
    return {"data": [show(row) for row in rows[:limit]], "hasMore": len(rows) > limit}
