"""Change an open intent at Stripe to the amount, receipt address and customer that its attempt
wants.

Twice is harmless: each version of what is wanted is one effect. Nothing is charged until Stripe has
confirmed it.
"""

from functools import partial

from actions.payments.record_intent import record_intent
from actions.payments.restore_intent import restore_intent
from delivery.attempt import own_queue, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.payments.intent import INTENT_CHANGE
from effects.perform import perform
from effects.reserve import reserve
from effects.settle import end_own
from models.accounts.audit_entry import SYSTEM
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.transactions import serialize_on, transaction
from providers.stripe.events import read_intent
from providers.stripe.intents import get_intent
from rules.stripe_event_types import id_in
from runtime.clock import real_now


@job(queue="webhooks", calls_out=True, attempts=16, timeout=20)
def change_payment_intent(attempt_id: str, version: int) -> None:
    """Bring the intent of `attempt_id` to version `version` of what is wanted, unless a newer
    version exists.
    """
    with invoice_lock(PaymentAttempt.get_by_id(attempt_id).invoice_id):
        attempt, effect = _decide(attempt_id, version)
        if effect is None:
            # a request for this version that got no answer is looked up
            end_own(
                INTENT_CHANGE,
                f"{attempt.id}:{version}",
                attempt.invoice_id,
                partial(_restore, attempt, version),
            )
            return
        changed = perform(effect)
        if changed is None:
            _record_refused(attempt, effect)
            return
        with recording():
            Invoice.locked(attempt.invoice_id)  # taken first by every decision about the attempt
            now, row = real_now(), PaymentAttempt.get_by_id(attempt.id)
            effect.record_confirmed(
                changed["id"], {"id": changed["id"], "amount": changed["amount"]}, now
            )
            if row.amount_version == version:
                row.record_changed(version, changed["amount"], now)
            elif row.state == "open":
                # the later change may have reached Stripe before this one
                restore_intent(row, own_queue())


def _restore(attempt: PaymentAttempt, version: int) -> None:
    """Request again what our rows have in place, because version `version`, which was not answered,
    has taken effect at Stripe.
    """
    Invoice.locked(attempt.invoice_id)  # as above
    row = PaymentAttempt.get_by_id(attempt.id)
    if row.is_in_place and row.amount_version != version:
        restore_intent(row, own_queue())


def _decide(attempt_id: str, version: int) -> tuple[PaymentAttempt, Effect | None]:
    """Reserve the change, if it is still the wanted one."""
    with transaction():
        attempt = PaymentAttempt.get_by_id(attempt_id)
        if (
            attempt.state != "open"
            or attempt.amount_version != version
            or attempt.intent_version == version
        ):
            return attempt, None
        invoice = Invoice.locked(attempt.invoice_id)
        change = {
            "amount": attempt.amount,
            "customer": attempt.stripe_customer_id,
            "receipt_email": attempt.receipt_email,
        }
        request = {
            "intent": attempt.intent_id,
            "change": {name: value for name, value in change.items() if value},
        }
        why = attempt.asked_by, "another amount, customer or address for the receipt"
        return attempt, reserve(
            INTENT_CHANGE,
            f"{attempt.id}:{version}",
            request,
            invoice,
            attempt.stripe_account,
            *why,
        )


def _record_refused(attempt: PaymentAttempt, effect: Effect) -> None:
    """Record that Stripe refused the change. The intent might just have been paid, so it is
    read.
    """
    intent = get_intent(attempt.intent_id or "", attempt.stripe_account)
    finding = read_intent(intent)
    kept = {
        "receipt_email": intent.get("receipt_email"),
        "stripe_customer_id": id_in(intent.get("customer")) or None,
    }
    with recording():
        serialize_on(intent["id"])
        invoice = Invoice.locked(attempt.invoice_id)
        row = PaymentAttempt.get_by_id(attempt.id)
        if row.amount_version == attempt.amount_version:  # no other change has been requested since
            row.record_change_refused(effect.error or "", real_now(), finding.report.amount, **kept)
        record_intent(invoice, attempt.stripe_account, finding, SYSTEM)
