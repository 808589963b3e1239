"""A payment for one invoice: one Stripe PaymentIntent, or money taken offline."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from peewee import SQL, BigIntegerField, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Row
from models.feed.emit import NewEvent, emit
from models.invoices.invoice import Invoice
from models.payments.payment_confirmation import PaymentConfirmation
from rules.declines import public_code
from rules.invoice_fold import PaymentFact
from rules.payment_merge import UNNAMED_CHARGE, Charge, PaymentReport
from runtime.errors import Conflict
from runtime.ids import new_id


class Payment(Row):
    """A payment; amounts in minor units.

    `intent_id` is Stripe's, in `stripe_account` ('' is the platform). An offline payment can be
    voided, which is final: its row and reference stay, but it no longer counts. `told_by_intent`
    says where its amounts come from: see `rules.payment_merge`.
    """

    account_id: str
    invoice_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    invoice = ForeignKey(Invoice, on_delete="CASCADE", backref="payments")
    method = TextField(default="stripe")
    stripe_account = TextField(default="")
    intent_id = TextField(null=True)
    reference = TextField(null=True)
    terminal = TextField(default="")
    status = TextField(default="pending")
    amount = BigIntegerField(default=0)
    amount_received = BigIntegerField(default=0)
    currency = TextField()
    charges = JSONField(default=dict)
    told_by_intent = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    voided_at = Instant(null=True)
    void_reason = TextField(null=True)
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = (
            (("stripe_account", "intent_id"), True),
            (("invoice", "method", "reference"), True),
            (("account", "id"), False),
            (("account", "created_at"), False),
            (("stripe_account", "created_at"), False),
        )

    @classmethod
    def by_intent(cls, stripe_account: str, intent_id: str) -> "Payment | None":
        """The payment of this intent, or None."""
        return cls.one("stripe_account = ? AND intent_id = ?", stripe_account, intent_id)

    @classmethod
    def of_invoice(cls, invoice: Invoice) -> "list[Payment]":
        """All payments of an invoice."""
        return cls.all("invoice_id = ?", invoice.id)

    @classmethod
    def record_report(
        cls,
        invoice: Invoice,
        stripe_account: str,
        intent_id: str,
        report: PaymentReport,
        now: datetime,
        is_current: bool = False,
        among: "list[Payment] | None" = None,
    ) -> bool:
        """Record a report of an intent, either an event's or, if `is_current`, its state at Stripe
        now. Returns whether it was new.

        `among` are the invoice's payments, if they were read in this transaction; a new payment is
        appended. Raises Conflict if the payment was just deleted.
        """
        whose = (stripe_account, intent_id)
        here = (row for row in among or () if (row.stripe_account, row.intent_id) == whose)
        known = next(here, None) if among is not None else cls.by_intent(*whose)
        if known is None:
            made = cls(
                id=new_id("pay"),
                account=invoice.account_id,
                invoice=invoice,
                stripe_account=stripe_account,
                intent_id=intent_id,
                created_at=now,
            )
            made._apply(report, now)
            if made.insert_new(unless="stripe_account, intent_id"):
                if among is not None:
                    among.append(made)
                made._emit_failures({}, report.amount)
                return True
            # it belongs to another invoice, e.g. after its metadata were changed at Stripe
            known = cls.by_intent(*whose)
            if known is None:
                raise Conflict(f"The payment of {intent_id} has just been deleted.")
        return known.record_more(report, now, is_current)

    @classmethod
    def record_taken(
        cls, invoice: Invoice, method: str, reference: str, amount: int, received_at: datetime
    ) -> "Payment":
        """Record money taken offline, in minor units of the invoice's currency."""
        money = {
            "amount": amount,
            "amount_received": amount,
            "currency": invoice.currency,
            "terminal": "succeeded",
            "status": "succeeded",
        }
        row: Payment = cls.create(
            id=new_id("pay"),
            account=invoice.account_id,
            invoice=invoice,
            method=method,
            reference=reference,
            created_at=received_at,
            updated_at=received_at,
            **money,
        )
        emit(row.account_id, *row.success())
        return row

    def record_voided(self, reason: str, now: datetime) -> None:
        """Void a wrongly recorded or bounced payment. Final. The invoice must be locked."""
        self.status = "voided"
        self.voided_at = now
        self.void_reason = reason
        self.updated_at = now
        self.save()
        # no call: offline payments are not made during calls
        emit(self.account_id, *self._news("payment.voided", self.amount, None))

    def success(self, call_id: str | None = None) -> NewEvent:
        """The event that it has succeeded. `call_id` is the call in which it was charged."""
        return self._news("payment.succeeded", self.amount_received, call_id)

    def _news(self, type: str, amount: int, call_id: str | None) -> NewEvent:
        payload = {
            "paymentId": self.id,
            "invoiceId": self.invoice_id,
            "paymentIntentId": self.intent_id,
            "method": self.method,
            "amount": amount,
            "currency": self.currency,
            "status": self.status,
            "callId": call_id,
        }
        return NewEvent(type, payload, f"invoice:{self.invoice_id}")

    @property
    def report(self) -> PaymentReport:
        """All that is known about the intent, as one report."""
        charges = {charge_id: Charge(*values) for charge_id, values in self.charges.items()}
        return PaymentReport(
            self.terminal,
            self.amount,
            self.amount_received,
            self.currency,
            charges,
            self.told_by_intent,
        )

    @property
    def has_unnamed_charge(self) -> bool:
        """Whether it is processing because of a charge whose id is unknown."""
        return not self.terminal and UNNAMED_CHARGE in self.charges

    def record_more(self, report: PaymentReport, now: datetime, is_current: bool) -> bool:
        """Merge another report of its intent, and return whether anything was new."""
        known = self.report
        past = known.before_a_read() if is_current else known
        merged = past.merged(report)
        if merged == known:
            return False
        self._apply(merged, now)
        self.save()
        self._emit_failures(known.charges, report.amount)
        return True

    def _apply(self, report: PaymentReport, now: datetime) -> None:
        self.terminal = report.terminal
        self.status = report.status
        self.amount = report.amount
        self.amount_received = report.amount_received
        self.currency = report.currency
        self.told_by_intent = report.by_intent
        self.charges = {
            charge_id: [charge.state, charge.decline_code]
            for charge_id, charge in report.charges.items()
        }
        self.updated_at = now

    def _emit_failures(self, before: dict[str, Charge], amount: int) -> None:
        """Emit an event for each charge, of `amount`, that is newly known to have failed, unless
        the payment has succeeded since.
        """
        if self.terminal == "succeeded":
            return
        for charge_id, (state, code) in self.charges.items():
            if state == "failed" and (
                charge_id not in before or before[charge_id].state != "failed"
            ):
                money = {
                    "amount": amount,
                    "currency": self.currency,
                    "status": self.status,
                    "declineCode": public_code(code),
                }
                payload = {
                    "paymentId": self.id,
                    "invoiceId": self.invoice_id,
                    "paymentIntentId": self.intent_id,
                    "chargeId": charge_id,
                    "callId": PaymentConfirmation.call_of(self.intent_id),
                }
                emit(
                    self.account_id, "payment.failed", payload | money, f"invoice:{self.invoice_id}"
                )


def payment_facts(payments: Iterable[Payment]) -> list[PaymentFact]:
    """The payments as facts for the fold."""
    return [
        PaymentFact(
            payment.id, payment.amount_received, payment.currency, payment.voided_at is not None
        )
        for payment in payments
    ]


def at_stripe(
    table: type[Any], payments: Iterable[Payment], most: int | None = None
) -> list[tuple[Payment, Any]]:
    """The rows of `table` (refunds, disputes or their movements) that belong to these payments,
    each with its payment.
    """
    by_intent = {
        (payment.stripe_account, payment.intent_id): payment
        for payment in payments
        if payment.intent_id
    }
    if not by_intent:
        return []
    accounts, intents = {account for account, _ in by_intent}, [intent for _, intent in by_intent]
    # both conditions, otherwise no index applies and the rows of all clinics are read
    where = f"stripe_account IN ({_marks(accounts)}) AND intent_id IN ({_marks(intents)})"
    limited = "" if most is None else f" LIMIT {most}"
    rows = table.all(where + limited, *accounts, *intents)
    return [
        (by_intent[key], row)
        for row in sorted(rows, key=lambda row: str(row.get_id()))
        if (key := (row.stripe_account, row.intent_id)) in by_intent
    ]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" for _ in values)
