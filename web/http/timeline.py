"""The answer about a timeline, whatever it is of."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from web.openapi.openapi import Shown


class TimelineEntry(Shown):
    """One entry: what happened or was decided, when, and why. `status` is the current one."""

    id: str
    at: datetime
    kind: Literal["fact", "event", "decision", "effect", "job", "audit", "notice"]
    type: str
    reason: str = Field(description="A sentence for people.")
    status: str | None
    by: str | None
    amount: int | None
    currency: str | None

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about an entry; a text it does not have is null."""
        named = {"status": row.status, "by": row.by, "currency": row.currency}
        return super().of(row, **{name: text or None for name, text in named.items()}, **given)


class Timeline(Shown):
    """A page of the timeline, oldest first."""

    data: list[TimelineEntry]
    has_more: bool
