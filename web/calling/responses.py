"""The API's answers about calls, as models."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Self

from models.calling.call import Call
from models.calling.outcomes import outcomes_of
from models.contact.contact_decision import ContactDecision
from web.http.responses import Shown

MICRO = Decimal(1_000_000)


class CallDecisionShown(Shown):
    """The contact gate's decision about a call. `code` and `reason` are empty if it was allowed."""

    allowed: bool
    code: str
    reason: str
    until: datetime | None
    next_allowed_at: datetime | None
    at: datetime

    @classmethod
    def of(cls, row: ContactDecision, **given: Any) -> Self:
        """The answer about a decision."""
        return super().of(row, next_allowed_at=row.next_at, **given)


class CallShown(Shown):
    """A call. `state`: waiting, sending, unknown (in doubt), queued, ringing, in_progress, ended or
    refused. `outcome` is empty until it is known, and `paid_by_link` if the customer paid, within a
    week, by a link given in the call; `cost` is what Vapi bills, in dollars (`costCurrency`).
    """

    id: str
    direction: Literal["outbound", "inbound"]
    customer_id: str | None
    invoice_ids: list[str]
    from_number: str
    to: str
    state: str
    outcome: str
    ended_reason: str
    reason: str
    asked_by: str
    planned_contact_id: str | None
    code: str | None
    error: str | None
    verified_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    cost: str | None
    cost_currency: Literal["usd"] | None
    summary: str
    has_recording: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Call, **given: Any) -> Self:
        """The answer about a call."""
        cost = None if row.cost is None else f"{Decimal(row.cost) / MICRO:.4f}"
        given = {"outcome": outcomes_of([row])[row.id]} | given
        shown: dict[str, Any] = {
            "code": row.error_code,
            "cost": cost,
            "cost_currency": None if cost is None else "usd",
            "has_recording": row.is_recorded,
        }
        return super().of(row, **shown | given)


class WholeCallShown(CallShown):
    """A call with its transcript, without card numbers, and the contact gate's decision."""

    transcript: str
    decision: CallDecisionShown | None

    @classmethod
    def of(cls, row: Call, **given: Any) -> Self:
        """The answer about a call."""
        decision = ContactDecision.one("id = ?", row.decision_id) if row.decision_id else None
        shown = CallDecisionShown.of(decision) if decision is not None else None
        return super().of(row, decision=shown, **given)


class CallList(Shown):
    """A page of the calls about an invoice, oldest first."""

    data: list[CallShown]
    has_more: bool
