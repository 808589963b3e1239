"""The facts from which an invoice's amounts are computed: payments, and what was returned."""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from models.invoices.invoice import Invoice
from models.payments.dispute import (
    Dispute,
    DisputeMovement,
    Withheld,
    disputes_of,
    has_open_dispute,
    withheld_by,
)
from models.payments.payment import Payment, at_stripe, payment_facts
from models.payments.refund import Refund, refunds_of
from models.transactions import execute
from rules.invoice_fold import KEPT, Amounts, ReturnFact, fold, kept_of_each


class InvoiceFacts(NamedTuple):
    """An invoice's payments, and each refund, dispute and dispute movement with its payment.

    `promised`: whether there is an open promise to pay it; reliable only if read by `of`.
    """

    payments: list[Payment]
    refunds: list[tuple[Payment, Refund]]
    disputes: list[tuple[Payment, Dispute]]
    movements: list[tuple[Payment, DisputeMovement]]
    promised: bool = False

    @classmethod
    def of(cls, invoice: Invoice, payments: list[Payment] | None = None) -> "InvoiceFacts":
        """All facts about an invoice's money; pass `payments` if they were just read."""
        payments = Payment.of_invoice(invoice) if payments is None else payments
        went_back, promised = execute(_RETURNED_AND_PROMISED, (invoice.id, invoice.id)).fetchone()
        if not went_back:  # true of most invoices: it saves three queries
            return cls(payments, [], [], [], bool(promised))
        return cls(
            payments,
            refunds_of(payments),
            disputes_of(payments),
            at_stripe(DisputeMovement, payments),
            bool(promised),
        )

    @classmethod
    def of_each(cls, invoices: Collection[Invoice]) -> dict[str, "InvoiceFacts"]:
        """As `of`, by invoice id, with one query for the payments of all invoices."""
        ids = [invoice.id for invoice in invoices]
        if not ids:
            return {}
        payments: dict[str, list[Payment]] = {invoice_id: [] for invoice_id in ids}
        places = ", ".join("?" for _ in ids)
        for payment in Payment.all(f"invoice_id IN ({places})", *ids):
            payments[payment.invoice_id].append(payment)
        asked = f"SELECT p.invoice_id FROM payment AS p WHERE p.invoice_id IN ({places})"
        went_back = {row[0] for row in execute(f"{asked} AND ({_RETURNED})", ids).fetchall()}
        return {
            invoice.id: cls.of(invoice, payments[invoice.id])
            if invoice.id in went_back
            else cls(payments[invoice.id], [], [], [])
            for invoice in invoices
        }

    def amounts(self, invoice: Invoice, today: date) -> Amounts:
        """The amounts and the status that result from these facts."""
        held = withheld_by(self.disputes, self.movements)
        disputed, returns = has_open_dispute(held), self._returns(held)
        return fold(invoice.terms, payment_facts(self.payments), returns, disputed, today)

    def kept(self, invoice: Invoice) -> dict[str, int]:
        """What each payment that counts has brought, less what was returned, by payment id."""
        held = withheld_by(self.disputes, self.movements)
        return kept_of_each(invoice.currency, payment_facts(self.payments), self._returns(held))

    @property
    def arrived(self) -> list[str]:
        """The ids of payments that brought money, even if it was returned, except voided ones."""
        return [
            payment.id
            for payment in self.payments
            if payment.amount_received > 0 and payment.voided_at is None
        ]

    def _returns(self, held: list[Withheld]) -> list[ReturnFact]:
        refunded = [
            ReturnFact(payment.id, refund.amount, refund.currency)
            for payment, refund in self.refunds
            if refund.status not in KEPT
        ]
        return refunded + [
            ReturnFact(each.payment.id, each.amount, each.dispute.currency) for each in held
        ]

    def of_intent(self, stripe_account: str, intent_id: str) -> Payment | None:
        """The payment that resulted from an intent, or None."""
        whose = (stripe_account, intent_id)
        found = (row for row in self.payments if (row.stripe_account, row.intent_id) == whose)
        return next(found, None)

    def has_returns(self, payment: Payment) -> bool:
        """Whether the payment has a refund or a dispute."""
        return any(whose.id == payment.id for whose, _ in (*self.refunds, *self.disputes))


_RETURNED = " OR ".join(
    f"EXISTS (SELECT 1 FROM {table} AS r"
    " WHERE r.stripe_account = p.stripe_account AND r.intent_id = p.intent_id)"
    for table in ("refund", "dispute", "dispute_movement")
)
# Whether anything of an invoice's payments was returned at Stripe, and whether there is an open
# promise.
_RETURNED_AND_PROMISED = (
    f"SELECT EXISTS (SELECT 1 FROM payment AS p WHERE p.invoice_id = ? AND ({_RETURNED})),"
    " EXISTS (SELECT 1 FROM promise WHERE invoice_id = ? AND state = 'open')"
)
