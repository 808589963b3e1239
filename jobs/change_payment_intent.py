"""An open intent asks for the amount, and is the customer's, that its attempt wants now.

Twice is harmless: each version of the amount is one effect, and an intent that is over is left alone.
"""

from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.perform import perform
from effects.reserve import reserve
from effects.stripe_intents import INTENT_CHANGE
from models.base import transaction
from models.payment_attempt import PaymentAttempt
from models.standing import lock_invoice
from runtime.clock import real_now


@job(queue="webhooks", attempts=10, timeout=20)
def change_payment_intent(attempt_id: str, version: int) -> None:
    """Bring the intent of `attempt_id` to amount version `version`, unless a newer one is wanted."""
    attempt = PaymentAttempt.get_by_id(attempt_id)
    if attempt.state != "open" or attempt.amount_version != version:
        return
    with invoice_lock(attempt.invoice_id):
        customer = {"customer": attempt.stripe_customer_id} if attempt.stripe_customer_id else {}
        request = {"intent": attempt.intent_id, "change": {"amount": attempt.amount} | customer}
        with transaction():
            invoice = lock_invoice(attempt.invoice_id)
            effect = reserve(INTENT_CHANGE, f"{attempt.id}:{version}", request, invoice, attempt.stripe_account, attempt.asked_by, "another amount or customer")
        changed = perform(effect)
        with recording():
            if changed is not None:
                effect.record_confirmed(changed["id"], {"amount": changed["amount"]}, real_now())
