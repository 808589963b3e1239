"""Create the unconfirmed PaymentIntent of a planned attempt at Stripe; it moves no money yet.

Twice is harmless: the intent is tagged and keyed by its attempt. An intent that is no longer wanted
once it exists is cancelled.
"""

from typing import Any

from actions.payments.record_intent import record_intent
from actions.payments.stripe_metadata import stripe_metadata
from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.payments.intent import INTENT_CREATE
from effects.perform import perform
from effects.reserve import reserve
from models.delivery.stage import stage_again
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.transactions import serialize_on, transaction
from providers.stripe.events import read_intent
from rules.timeline_text import asked_for
from runtime.clock import real_now
from runtime.errors import NotYet


@job(queue="webhooks", calls_out=True, attempts=16, timeout=20)
def open_payment_intent(attempt_id: str) -> None:
    """Create the intent of row `attempt_id`."""
    attempt = PaymentAttempt.get_by_id(attempt_id)
    with invoice_lock(attempt.invoice_id):
        effect = _decide(attempt)
        if effect is None:
            return
        made = perform(effect, asked_at=attempt.created_at)
        now = real_now()
        with recording():
            if made is None:
                attempt.record_refused(effect.error or "", now)
                return
            serialize_on(made["id"])
            invoice = Invoice.locked(attempt.invoice_id)
            effect.record_confirmed(made["id"], {"id": made["id"], "amount": made["amount"]}, now)
            if not attempt.record_opened(made["id"], made["amount"], now):
                stage_again(
                    "cancel_payment_intent", attempt.id, attempt.id, fair_to=attempt.account_id
                )
            if "status" in made:
                record_intent(invoice, attempt.stripe_account, read_intent(made), attempt.asked_by)


def _decide(attempt: PaymentAttempt) -> Effect | None:
    """Reserve the effect while the attempt is wanted. An effect that might have been sent is
    completed, no matter what has changed. Raises NotYet while an older intent could still take the
    money.
    """
    with transaction():
        invoice = Invoice.locked(attempt.invoice_id)
        row = PaymentAttempt.get_by_id(attempt.id)
        known = Effect.get_or_none(Effect.key == f"{INTENT_CREATE.name}:{attempt.id}")
        if known is not None and (
            known.in_doubt or (known.state == "confirmed" and row.intent_id is None)
        ):
            return known
        if row.state != "planned":
            return None
        if PaymentAttempt.closing(row.invoice_id):
            raise NotYet(
                f"An older intent of invoice {row.invoice_id} is being closed; until then the two"
                " could both be paid."
            )
        reason = asked_for(row.amount, row.currency, invoice.number, row.balance_revision)
        return reserve(
            INTENT_CREATE,
            row.id,
            _request(row, invoice),
            invoice,
            row.stripe_account,
            row.asked_by,
            reason,
        )


def _request(attempt: PaymentAttempt, invoice: Invoice) -> dict[str, Any]:
    """Allow all payment methods enabled at Stripe, and send the receipt to `receipt_email`. A saved
    card needs its Stripe customer.
    """
    request: dict[str, Any] = {
        "amount": attempt.amount,
        "currency": attempt.currency,
        "metadata": stripe_metadata(invoice, attempt.id),
    }
    request["automatic_payment_methods"] = {"enabled": True}
    if attempt.stripe_customer_id:
        request["customer"] = attempt.stripe_customer_id
    return request | ({"receipt_email": attempt.receipt_email} if attempt.receipt_email else {})
