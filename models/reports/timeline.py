"""An invoice's timeline: events, decisions and effects in order, each with its reason.

Composed from existing rows; nothing is stored for it. A new source is one function, listed in
`models/reports/timeline_sources.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from models.contact.message import Message
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.payment import Payment, at_stripe
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest

MOST = 2000  # rows of one source; an invoice has dozens


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `kind`: fact, decision, effect, event, job, audit or notice. `reason` is a
    sentence. Amounts are in minor units.

    `id` is stable, so that a reader can continue from it.
    """

    id: str
    at: datetime
    kind: str
    type: str
    reason: str
    status: str = ""
    by: str = ""
    amount: int | None = None
    currency: str = ""


@dataclass(slots=True)
class Belongings:
    """An invoice with its rows, read once for all sources."""

    invoice: Invoice
    payments: list[Payment]
    effects: list[Effect]
    refunds: list[Refund]
    disputes: list[Dispute]
    ids: dict[str, list[str]] = field(default_factory=dict)

    @property
    def subjects(self) -> list[str]:
        """The audit log's subjects of the invoice and its rows: `invoice:inv_…`, `refund:re_…`."""
        return [f"{noun}:{row_id}" for noun, ids in self.ids.items() for row_id in ids]


Source = Callable[[Belongings], Iterable[Entry]]


def belongings_of(invoice: Invoice) -> Belongings:
    """Everything that belongs to `invoice`."""
    payments = list(Payment.select().where(Payment.invoice == invoice).limit(MOST))
    effects = list(
        Effect.select()
        .where(Effect.invoice_id == invoice.id)
        .order_by(Effect.created_at)
        .limit(MOST)
    )
    refunds, disputes = (
        [row for _, row in at_stripe(table, payments, MOST)] for table in (Refund, Dispute)
    )
    attempts = [
        row.id
        for row in PaymentAttempt.select(PaymentAttempt.id).where(
            PaymentAttempt.invoice == invoice.id
        )
    ]
    ids = {
        "invoice": [invoice.id],
        "payment": [row.id for row in payments],
        "effect": [row.id for row in effects],
        "refund": [row.refund_id for row in refunds],
        "dispute": [row.dispute_id for row in disputes],
        "payment_attempt": attempts,
        "payment_confirmation": [
            row.id
            for row in PaymentConfirmation.select(PaymentConfirmation.id).where(
                PaymentConfirmation.attempt.in_(attempts or [""])
            )
        ],
        "payment_link": [
            row.id
            for row in PaymentLink.select(PaymentLink.id).where(PaymentLink.invoice == invoice.id)
        ],
        "refund_request": [row.id for row in _refund_requests(payments)],
        "message": [
            row.id for row in Message.select(Message.id).where(Message.invoice == invoice.id)
        ],
    }
    return Belongings(invoice, payments, effects, refunds, disputes, ids)


def _refund_requests(payments: list[Payment]) -> list[RefundRequest]:
    return list(
        RefundRequest.select(RefundRequest.id).where(
            RefundRequest.payment.in_([row.id for row in payments] or [""])
        )
    )


def timeline_of(invoice: Invoice, sources: tuple[Source, ...]) -> list[Entry]:
    """All entries of `sources`, oldest first."""
    having = belongings_of(invoice)
    entries = [entry for source in sources for entry in source(having)]
    return sorted(entries, key=lambda entry: (entry.at, entry.id))
