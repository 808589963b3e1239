"""An open intent of a balance that is gone takes no money any more.

Twice is harmless: a cancelled intent stays cancelled. One that succeeded first has been paid, and counts.
"""

from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from delivery.standing import stand_anew
from effects.perform import perform
from effects.reserve import reserve
from effects.stripe_intents import INTENT_CANCEL
from models.base import serialize_on, transaction
from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.standing import lock_invoice
from providers.stripe_events import read_intent
from providers.stripe_intents import get_intent
from runtime.clock import real_now


@job(queue="webhooks", attempts=10, timeout=20)
def cancel_payment_intent(attempt_id: str) -> None:
    """Cancel the intent of row `attempt_id`."""
    attempt = PaymentAttempt.get_by_id(attempt_id)
    if attempt.state != "retiring":
        return
    with invoice_lock(attempt.invoice_id):
        if attempt.intent_id is None:
            with recording():
                attempt.record_closed(real_now())
            return
        with transaction():
            invoice = lock_invoice(attempt.invoice_id)
            request = {"intent": attempt.intent_id}
            effect = reserve(INTENT_CANCEL, attempt.id, request, invoice, attempt.stripe_account, "balance changed", "the invoice's balance changed")
        answer = perform(effect)
        intent, now = get_intent(attempt.intent_id, attempt.stripe_account), real_now()
        with recording():
            serialize_on(attempt.intent_id)
            invoice = lock_invoice(attempt.invoice_id)
            if answer is not None:
                effect.record_confirmed(answer["id"], {"status": answer["status"]}, now)
            Payment.record_report(invoice, attempt.stripe_account, attempt.intent_id, read_intent(intent).report, now)
            attempt.record_closed(now)
            stand_anew(invoice)
