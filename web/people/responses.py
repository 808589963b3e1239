"""The API's answers about work items and promises, as models."""

from datetime import date, datetime
from typing import Any, Literal, Self

from pydantic import Field

from rules.contact.work_items import actions_of
from web.http.responses import Shown

ItemKind = Literal["escalation", "reply", "draft", "doubt", "overpayment", "dispute", "call"]


class ActionShown(Shown):
    """A decision that can be made about an item, and its effect."""

    action: str
    does: str


class WorkItemShown(Shown):
    """Something that needs a person at the clinic. `subject` is the row that it is about; `context`
    holds what is known about it, `suggestedAction` what is probably right. `actions` are the ways
    to resolve it, empty once it is resolved.
    """

    id: str
    kind: ItemKind
    state: Literal["open", "resolved"]
    subject: str
    customer_id: str | None
    invoice_id: str | None
    words: str
    suggested_action: str | None
    actions: list[ActionShown]
    owner: str | None
    due_at: datetime | None
    context: dict[str, Any] = Field(json_schema_extra={"additionalProperties": True})
    resolution: str | None
    note: str
    resolved_by: str | None
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about an item."""
        known = actions_of(row.kind, row.subject, row.context) if row.is_open else {}
        return super().of(
            row,
            suggested_action=row.suggested or None,
            actions=[ActionShown(action=action, does=does) for action, does in known.items()],
            **given,
        )


class WorkItemList(Shown):
    """A page of work items, newest first."""

    data: list[WorkItemShown]
    has_more: bool


class PromiseShown(Shown):
    """A promise to pay. `decidedFrom`: when its day and the days of grace are over; until then
    nobody asks for money. `paid`: what was received since it was made.
    """

    id: str
    invoice_id: str
    customer_id: str
    amount: int
    currency: str
    promised_for: date
    decided_from: datetime
    state: Literal["open", "kept", "partly_kept", "broken", "replaced", "moot"]
    paid: int
    recorded_by: str
    created_at: datetime
    settled_at: datetime | None


class PromiseList(Shown):
    """A page of the promises about an invoice, newest first."""

    data: list[PromiseShown]
    has_more: bool
