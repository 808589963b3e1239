"""The API's answers about payments, ways to pay, refunds and disputes, as models."""

from datetime import datetime
from typing import Any, Literal, Self

from models.calling.keypad_session import KeypadSession
from models.payments.dispute import Dispute
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest
from rules.declines import public_code
from web.contact.responses import MessageShown
from web.http.responses import Shown
from web.invoices.responses import InvoiceShown
from web.payments.billing import StripeBillingShown

PaymentStatus = Literal[
    "pending", "requires_action", "processing", "failed", "canceled", "succeeded", "voided"
]


def call_id_of(row: Payment | PaymentAttempt) -> str | None:
    """The call in which it was paid; None if it was not paid in one."""
    return PaymentConfirmation.call_of(row.intent_id)


class PaymentShown(Shown):
    """A payment. Lost and stolen cards are shown only as declined. A voided payment counts as
    nothing received.

    `reference` is what it was recorded under; for a card payment, its intent. `elsewhere`: an
    import found the invoice paid in the clinic's books. `callId`: the call in which the card was
    charged, ours or the one named to `POST /api/payments/phone`.
    """

    id: str
    invoice_id: str
    method: Literal["stripe", "cash", "check", "bank_transfer", "elsewhere"]
    status: PaymentStatus
    amount: int
    amount_received: int
    currency: str
    payment_intent_id: str | None
    reference: str | None
    call_id: str | None
    decline_codes: list[str]
    voided_at: datetime | None
    void_reason: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Payment, **given: Any) -> Self:
        """The answer about a payment."""
        failed = [code for state, code in row.charges.values() if state == "failed" and code]
        if "call_id" not in given:
            given["call_id"] = call_id_of(row)
        shown: dict[str, Any] = {
            "amount_received": 0 if row.voided_at else row.amount_received,
            "payment_intent_id": row.intent_id,
            "reference": row.reference or row.intent_id,
            "decline_codes": [public_code(code) for code in failed],
        }
        return super().of(row, **shown | given)


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

    @classmethod
    def of(cls, row: Refund, **given: Any) -> Self:
        """The answer about a refund."""
        return super().of(row, id=row.refund_id, **given)


class DisputeShown(Shown):
    """A dispute as Stripe last reported it. Evidence is accepted until `dueBy`."""

    id: str
    amount: int
    currency: str
    reason: str
    status: str
    due_by: datetime | None

    @classmethod
    def of(cls, row: Dispute, **given: Any) -> Self:
        """The answer about a dispute."""
        return super().of(row, id=row.dispute_id, **given)


class RefundRequestShown(Shown):
    """A requested refund. `failed`: Stripe made it, but the bank returned it; it may be requested
    again.
    """

    id: str
    payment_id: str
    amount: int
    currency: str
    status: Literal["requested", "confirmed", "failed", "refused"]
    reason: str | None
    refund_id: str | None
    error: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: RefundRequest, **given: Any) -> Self:
        """The answer about a requested refund."""
        return super().of(row, status=row.state, **given)


class PaymentWithRefunds(PaymentShown):
    """A payment with its refunds, disputes and what can still be refunded.

    At the `Location` of a 202 its status can be `unknown` while the charge is in progress, and
    `refused` if it was not made. If the charge failed or was refused, `code` and `advice` say why
    and what to do next.
    """

    # more values than a payment's own
    status: PaymentStatus | Literal["unknown", "refused"]  # type: ignore[assignment]
    code: str | None
    advice: str | None
    refundable: int
    refunds: list[RefundShown]
    refund_requests: list[RefundRequestShown]
    disputes: list[DisputeShown]

    @classmethod
    def of_attempt(cls, attempt: PaymentAttempt, **given: Any) -> Self:
        """A stand-in for the payment of an attempt, until Stripe has reported one."""
        intent = {"payment_intent_id": attempt.intent_id, "reference": attempt.intent_id}
        return cls._of_none(attempt, call_id=call_id_of(attempt), **intent, **given)

    @classmethod
    def of_entry(cls, session: KeypadSession, **given: Any) -> Self:
        """A stand-in for the payment of a card being typed, which has no intent yet."""
        currency = session.invoice.currency
        none = {"payment_intent_id": None, "reference": None}
        return cls._of_none(session, call_id=session.call_id, currency=currency, **none, **given)

    @classmethod
    def _of_none(cls, row: PaymentAttempt | KeypadSession, **given: Any) -> Self:
        nothing_yet: dict[str, Any] = {
            "method": "stripe",
            "amount_received": 0,
            "decline_codes": [],
            "voided_at": None,
            "void_reason": None,
        }
        return super(PaymentShown, cls).of(row, **nothing_yet | given)


class LinkShown(Shown):
    """A payment link. `url` is short, easy to read out, and always leads to the current link."""

    message: MessageShown | None

    payment_link_id: str
    url: str
    status: str
    amount: int
    currency: str
    error: str | None


class IntentShown(Shown):
    """What Stripe's payment form needs. `billingDetails` are in Stripe's format, to prefill the
    form.
    """

    payment_intent_id: str
    client_secret: str
    amount: int
    currency: str
    status: str
    billing_details: StripeBillingShown


class CardFormShown(Shown):
    """The page where the clinic's staff take a card for the invoice. Anyone with its URL may
    charge, until it expires.
    """

    url: str
    expires_at: datetime


class Recorded(Shown):
    """A payment, and its invoice afterwards."""

    payment: PaymentShown
    invoice: InvoiceShown


class Confirmed(Shown):
    """The state of a payment at Stripe. Only `succeeded` is success."""

    success: bool
    status: Literal[
        "succeeded", "processing", "requires_action", "pending", "failed", "canceled", "unknown"
    ]
    payment: PaymentShown | None
    invoice: InvoiceShown
    client_secret: str | None = None
