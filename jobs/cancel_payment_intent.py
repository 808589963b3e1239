"""Cancel an intent for an outdated balance, so that it takes no money.

Twice is harmless: a cancelled intent stays cancelled. If it succeeded first, the payment counts. If
the bank is still processing it, it cannot be cancelled, and is read again until that is over.
"""

from actions.payments.record_intent import record_intent
from delivery.attempt import Snooze, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.payments.intent import INTENT_CANCEL, INTENT_CREATE
from effects.perform import perform
from effects.reserve import reserve_again
from effects.settle import end_own
from models.accounts.audit_entry import SYSTEM
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import OVER, PaymentAttempt
from models.transactions import serialize_on, transaction
from providers.errors import ProviderError
from providers.stripe.events import read_intent
from providers.stripe.intents import get_intent
from runtime.clock import real_now
from runtime.errors import NotYet

PROCESSING = "processing"
LOOK_AGAIN = 600.0  # seconds between looks at an intent that cannot be cancelled yet


@job(queue="webhooks", calls_out=True, attempts=16, timeout=20)
def cancel_payment_intent(attempt_id: str) -> None:
    """Cancel the intent of row `attempt_id`."""
    attempt = PaymentAttempt.get_by_id(attempt_id)
    with invoice_lock(attempt.invoice_id):
        if _is_processing(attempt):
            raise _cannot_yet(attempt, PROCESSING)
        attempt, effect = _decide(attempt_id)
        if effect is None or attempt.intent_id is None:
            # the intent was cancelled (as an event reported) or paid before a dying attempt
            # recorded it
            end_own(INTENT_CANCEL, attempt.id, attempt.invoice_id)
            return
        answer = perform(effect)
        is_gone = answer is None and effect.error_code == "resource_missing"
        if is_gone or (answer or {}).get("by_hand"):  # not at Stripe, or settled by hand
            with recording():
                attempt.record_closed(real_now())
            return
        intent = get_intent(attempt.intent_id, attempt.stripe_account)
        now = real_now()
        over = intent["status"] in OVER
        with recording() if over else transaction():
            serialize_on(attempt.intent_id)
            invoice = Invoice.locked(attempt.invoice_id)
            if answer is not None:
                effect.record_confirmed(
                    answer["id"], {"id": answer["id"], "status": intent["status"]}, now
                )
            record_intent(invoice, attempt.stripe_account, read_intent(intent), SYSTEM)
    if not over:
        raise _cannot_yet(attempt, intent["status"])


def _is_processing(attempt: PaymentAttempt) -> bool:
    """Whether a bank is still processing an intent that Stripe has already refused to cancel. Until
    that is over, which can take days, Stripe would refuse every further attempt.
    """
    if attempt.state != "retiring" or attempt.intent_id is None:
        return False
    about = INTENT_CANCEL.name, attempt.id, attempt.invoice_id
    if not Effect.refusals(*about) or Effect.unsettled(*about):
        return False
    try:
        intent = get_intent(attempt.intent_id, attempt.stripe_account)
    except ProviderError:
        return False  # the cancel meets the same error, and a person can settle it
    return bool(intent["status"] == PROCESSING)


def _cannot_yet(attempt: PaymentAttempt, status: str) -> Snooze:
    told = f"intent {attempt.intent_id} is {status} and cannot be cancelled yet"
    return Snooze(told, LOOK_AGAIN)


def _decide(attempt_id: str) -> tuple[PaymentAttempt, Effect | None]:
    """Reserve the next attempt to cancel, if it is still wanted. Raises NotYet while the intent
    might still be being created.
    """
    with transaction():
        invoice = Invoice.locked(PaymentAttempt.get_by_id(attempt_id).invoice_id)
        attempt = PaymentAttempt.get_by_id(attempt_id)
        made = Effect.get_or_none(Effect.key == f"{INTENT_CREATE.name}:{attempt.id}")
        if attempt.state == "retiring" and attempt.intent_id is None:
            if made is not None and made.in_doubt:
                raise NotYet(
                    f"The intent of attempt {attempt.id} may have been created; it will be"
                    " cancelled once that is known."
                )
            attempt.record_closed(real_now())
        if attempt.state != "retiring":
            return attempt, None
        request = {"intent": attempt.intent_id}
        why = (
            "balance changed",
            "the invoice's balance changed",
        )
        return attempt, reserve_again(
            INTENT_CANCEL, attempt.id, request, invoice, attempt.stripe_account, *why
        )
