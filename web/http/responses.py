"""The base of every answer, and the answer about a timeline, which several subjects share."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Shown(BaseModel):
    """The base of every answer: camelCase, declared fields only. It can be built from a row."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about `row`: each field from `given`, else from the row's attribute."""
        names = cls.model_fields
        return cls(**{name: getattr(row, name) for name in names if name not in given} | given)

    @classmethod
    def show(cls, row: Any, **given: Any) -> dict[str, Any]:
        """The answer about `row`, ready to be sent."""
        return cls.of(row, **given).document()

    def document(self) -> dict[str, Any]:
        """The answer as a JSON document: times in RFC 3339, references as ids."""
        return self.model_dump(mode="json", by_alias=True)


def left_out_if_none() -> Any:
    """The default of a field that is left out of the answer while it is None."""
    return Field(default=None, exclude_if=lambda value: value is None)


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
        """The answer about an entry; an empty text becomes null."""
        named = {"status": row.status, "by": row.by, "currency": row.currency}
        return super().of(row, **{name: text or None for name, text in named.items()}, **given)


class Timeline(Shown):
    """A page of the timeline, oldest first."""

    data: list[TimelineEntry]
    has_more: bool
