"""An open intent asks for the amount, and is the customer's, that its attempt wants now.

Twice is harmless: each version of what is wanted is one effect. Until Stripe has confirmed it nothing is charged.
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


@job(queue="webhooks", attempts=16, timeout=20)
def change_payment_intent(attempt_id: str, version: int) -> None:
    """Bring the intent of `attempt_id` to version `version` of what is wanted, unless a newer one is."""
    with invoice_lock(PaymentAttempt.get_by_id(attempt_id).invoice_id):
        with transaction():
            attempt = PaymentAttempt.get_by_id(attempt_id)
            if attempt.state != "open" or attempt.amount_version != version or attempt.intent_version == version:
                return
            invoice = lock_invoice(attempt.invoice_id)
            customer = {"customer": attempt.stripe_customer_id} if attempt.stripe_customer_id else {}
            request = {"intent": attempt.intent_id, "change": {"amount": attempt.amount} | customer}
            effect = reserve(INTENT_CHANGE, f"{attempt.id}:{version}", request, invoice, attempt.stripe_account, attempt.asked_by, "another amount or customer")
        changed, now = perform(effect), real_now()
        with recording():
            if changed is None:
                attempt.record_change_refused(effect.error or "", now)
                return
            effect.record_confirmed(changed["id"], {"id": changed["id"], "amount": changed["amount"]}, now)
            attempt.record_changed(version, changed["amount"], now)
