"""The API's answers about customers and invoices, as models."""

from datetime import date, datetime
from typing import Any, Literal, Self

from models.payments.dispute import evidence_due_by
from web.http.responses import Shown, left_out_if_none

InvoiceStatus = Literal["draft", "sent", "overdue", "paid", "cancelled", "written_off"]


class AddressShown(Shown):
    """A postal address; every field may be missing."""

    line1: str | None = left_out_if_none()
    city: str | None = left_out_if_none()
    state: str | None = left_out_if_none()
    postal_code: str | None = left_out_if_none()
    country: str | None = left_out_if_none()


class ContactRequestShown(Shown):
    """How a customer asked to be contacted; null where they left it open."""

    channel: Literal["sms", "voice"] | None = None
    phone: str | None = None


class CustomerShown(Shown):
    """A customer."""

    id: str
    name: str
    phone: str | None
    email: str | None
    address: AddressShown | None
    time_zone: str | None
    language: str
    contact_request: ContactRequestShown | None
    external_id: str | None
    stripe_customer_id: str | None
    created_at: datetime
    updated_at: datetime


class CustomerList(Shown):
    """A page of customers."""

    data: list[CustomerShown]
    has_more: bool


class CustomerBrief(Shown):
    """Contact person."""

    id: str
    name: str
    phone: str | None
    email: str | None


class InvoiceShown(Shown):
    """An invoice with its customer. `outstandingBalance` is what is still owed; `disputeDueBy` is
    the deadline for answering a dispute.
    """

    id: str
    number: str
    status: InvoiceStatus
    project: str | None
    external_id: str | None
    currency: str
    amount_due: int
    amount_paid: int
    amount_received: int
    amount_returned: int
    outstanding_balance: int
    overpaid: int
    currency_mismatch: bool
    disputed: bool
    dispute_due_by: datetime | None
    due_date: date
    notes: str
    customer: CustomerBrief
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Any, **given: Any) -> Self:
        """The answer about an invoice."""
        return super().of(
            row,
            outstanding_balance=row.outstanding,
            currency_mismatch=row.mismatched,
            dispute_due_by=evidence_due_by(row),
            customer=CustomerBrief.of(row.customer),
            **given,
        )


class InvoiceList(Shown):
    """A page of invoices."""

    data: list[InvoiceShown]
    has_more: bool
