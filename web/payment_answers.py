"""The API's answers about payments, refunds and disputes, as models."""

from datetime import datetime
from typing import Literal

from web.openapi import Shown

PaymentStatus = Literal[
    "pending", "requires_action", "processing", "failed", "canceled", "succeeded", "voided"
]


class PaymentShown(Shown):
    """A payment. Lost and stolen cards are shown only as declined. A voided payment counts as
    nothing received.

    `reference` is what it was recorded under; for a card payment, its intent. `elsewhere`: an
    import found the invoice paid in the clinic's books.
    """

    id: str
    invoice: str
    method: Literal["stripe", "cash", "check", "bank_transfer", "elsewhere"]
    status: PaymentStatus
    amount: int
    amount_received: int
    currency: str
    payment_intent_id: str | None
    reference: str | None
    decline_codes: list[str]
    voided_at: datetime | None
    void_reason: str | None
    created_at: datetime
    updated_at: datetime


class PaymentList(Shown):
    """A page of payments."""

    data: list[PaymentShown]
    has_more: bool


class RefundShown(Shown):
    """A refund as Stripe knows it."""

    id: str
    amount: int
    currency: str
    status: str
    failure_reason: str | None


class DisputeShown(Shown):
    """A dispute as Stripe last reported it. Evidence is accepted until `dueBy`."""

    id: str
    amount: int
    currency: str
    reason: str
    status: str
    due_by: datetime | None


class RefundRequestShown(Shown):
    """A requested refund. `failed`: Stripe made it, but the bank returned it; it may be requested
    again.
    """

    id: str
    payment: str
    amount: int
    status: Literal["requested", "confirmed", "failed", "refused"]
    reason: str | None
    refund: str | None
    error: str | None
    created_at: datetime


class PaymentWithRefunds(PaymentShown):
    """A payment with its refunds, disputes and what can still be refunded.

    At the `Location` of a 202 its status can be `unknown` while the charge is in progress, and
    `refused` if it was not made. If the charge failed or was refused, `code` and `advice` say why
    and what to do next.
    """

    status: PaymentStatus | Literal["unknown", "refused"]  # type: ignore[assignment]  # wider than a payment's own
    code: str | None
    advice: str | None
    refundable: int
    refunds: list[RefundShown]
    refund_requests: list[RefundRequestShown]
    disputes: list[DisputeShown]
