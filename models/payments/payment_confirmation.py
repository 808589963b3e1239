"""Confirmations: server-side charges of a card, one at a time, each confirmed once at Stripe."""

from collections.abc import Iterable
from datetime import datetime

from peewee import SQL, BigIntegerField, BooleanField, TextField

from models.base import ForeignKey, Instant, Row
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.transactions import execute
from runtime.ids import new_id

# for each intent the last charge counts
_CALLS = (
    "SELECT a.intent_id, c.call_id FROM payment_attempt AS a JOIN payment_confirmation AS c"
    " ON c.attempt_id = a.id WHERE a.intent_id IN ({marks})"
    " AND c.state IN ('requested', 'settled') ORDER BY c.created_at, c.id"
)


class PaymentConfirmation(Row):
    """A charge: `requested → settled | declined | refused`.

    The payment itself holds the result. `decline_code` is the card's; `refusal` is our or Stripe's
    reason for not trying it.
    """

    attempt_id: str
    id = TextField(primary_key=True)
    attempt = ForeignKey(PaymentAttempt, on_delete="CASCADE")
    amount = BigIntegerField()
    payment_method_id = TextField(null=True)
    by_phone = BooleanField(default=False)
    off_session = BooleanField(default=False)
    call_id = TextField(null=True)
    state = TextField(default="requested")
    decline_code = TextField(null=True)
    refusal = TextField(null=True)
    error = TextField(null=True)
    asked_by = TextField()
    created_at = Instant()
    updated_at = Instant()

    @property
    def code(self) -> str | None:
        """The machine-readable reason why it took no money, of either kind."""
        return self.decline_code or self.refusal

    @classmethod
    def settled_in(cls, call_id: str, invoice_ids: Iterable[str]) -> bool:
        """Whether a charge in this call, for any of these invoices, took money."""
        where = (
            "call_id = ? AND state = 'settled' AND attempt_id IN"
            " (SELECT id FROM payment_attempt WHERE invoice_id = ?)"
        )
        return any(cls.has(where, call_id, each) for each in invoice_ids)

    @classmethod
    def calls_of(cls, intent_ids: Iterable[str | None]) -> dict[str, str]:
        """The call in which each intent was or is being charged, by intent id.

        Intents not charged in a call are omitted.
        """
        asked = [each for each in intent_ids if each]
        if not asked:
            return {}
        marks = ", ".join("?" for _ in asked)
        found = dict(execute(_CALLS.format(marks=marks), asked).fetchall())
        return {intent_id: call_id for intent_id, call_id in found.items() if call_id}

    @classmethod
    def call_of(cls, intent_id: str | None) -> str | None:
        """The call in which this intent was or is being charged, or None."""
        return cls.calls_of([intent_id]).get(intent_id or "")

    @classmethod
    def latest(cls, attempt: PaymentAttempt) -> "PaymentConfirmation | None":
        """The last charge requested for this attempt, or None."""
        found: PaymentConfirmation | None = (
            cls.select()
            .where(cls.attempt == attempt.id)
            .order_by(cls.created_at.desc(), cls.id.desc())
            .first()
        )
        return found

    @classmethod
    def with_card(cls, invoice: Invoice, payment_method_id: str) -> "PaymentConfirmation | None":
        """The first charge of this payment method for the invoice, in any state, or None."""
        tries = (
            cls.select()
            .join(PaymentAttempt)
            .where(PaymentAttempt.invoice == invoice.id, cls.payment_method_id == payment_method_id)
        )
        found: PaymentConfirmation | None = tries.order_by(cls.created_at, cls.id).first()
        return found

    @classmethod
    def request(
        cls,
        attempt: PaymentAttempt,
        payment_method_id: str | None,
        asked_by: str,
        now: datetime,
        **how: bool | str | None,
    ) -> "PaymentConfirmation":
        """Request a charge of the attempt's current amount.

        The invoice must be locked, and no other confirmation running. Without a payment method, the
        customer's saved card is charged.
        """
        about = {"asked_by": asked_by, "created_at": now, "updated_at": now}
        row: PaymentConfirmation = cls.create(
            id=new_id("cnf"),
            attempt=attempt,
            amount=attempt.amount,
            payment_method_id=payment_method_id,
            **about,
            **how,
        )
        return row

    def record_settled(self, now: datetime) -> None:
        """Record that Stripe has answered; the intent has the details."""
        self._end(now, state="settled")

    def record_declined(self, decline_code: str, error: str, now: datetime) -> None:
        """Record that the card was declined."""
        self._end(now, state="declined", decline_code=decline_code, error=error[:500])

    def record_refused(self, code: str, error: str, now: datetime) -> None:
        """Record that nothing was charged, for a reason other than the card."""
        self._end(now, state="refused", refusal=code, error=error[:500])

    def _end(self, now: datetime, **values: str) -> None:
        """Write `values`, unless the outcome is already known."""
        self._write(now, only_if="state = 'requested'", **values)


PaymentConfirmation.add_index(
    PaymentConfirmation.index(
        PaymentConfirmation.attempt,
        unique=True,
        where=SQL("state = 'requested'"),
        name="payment_confirmation_running",
    )
)
