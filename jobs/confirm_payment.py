"""A requested charge is made: the attempt's intent is confirmed with a card, once, and settled by reading it.

Twice is harmless: a confirmation is one effect, and an intent succeeds once. Before a card is charged, the
invoice's link is closed and its open sessions are expired, so that nobody pays a second time meanwhile.
"""

from datetime import datetime
from typing import Any

from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from delivery.standing import retire_asks, stand_anew
from effects.perform import perform
from effects.reserve import reserve
from effects.stripe_intents import INTENT_CONFIRM
from models.audit_entry import SYSTEM, AuditEntry
from models.base import serialize_on, transaction
from models.brake import paused
from models.effect import Effect
from models.payment import Payment
from models.payment_attempt import PaymentAttempt
from models.payment_confirmation import PaymentConfirmation
from models.payment_link import PaymentLink
from models.standing import lock_invoice
from providers.stripe_events import read_intent
from providers.stripe_intents import get_intent
from runtime.clock import real_now
from runtime.errors import NotYet
from runtime.settings import get_settings


@job(queue="webhooks", attempts=10, timeout=20, backoff=1.0)
def confirm_payment(confirmation_id: str) -> None:
    """Charge what row `confirmation_id` asks for."""
    confirmation = PaymentConfirmation.get_by_id(confirmation_id)
    attempt = confirmation.attempt
    if confirmation.state != "requested":
        return
    with invoice_lock(attempt.invoice_id):
        effect = _decide(confirmation)
        if effect is None:
            with recording():
                confirmation.record_refused("not_payable", "the balance changed, or charges were paused, before the card was charged", real_now())
            return
        answer = perform(effect)
        intent_id = attempt.intent_id or ""
        intent, now = get_intent(intent_id, attempt.stripe_account), real_now()
        with recording():
            serialize_on(intent_id)
            invoice = lock_invoice(attempt.invoice_id)
            if answer is None:
                _record_no(confirmation, effect, intent, now)
            else:
                effect.record_confirmed(answer["id"], {"status": answer["status"]}, now)
                confirmation.record_settled(now)
            Payment.record_report(invoice, attempt.stripe_account, intent_id, read_intent(intent).report, now)
            PaymentAttempt.record_over(intent, now)
            about = {"invoice_id": invoice.id, "intent_id": intent_id, "amount": attempt.amount, "code": confirmation.decline_code}
            AuditEntry.record(SYSTEM, f"payment.{confirmation.state}", f"payment_confirmation:{confirmation.id}", invoice.account_id, **about)
            stand_anew(invoice)


def _record_no(confirmation: PaymentConfirmation, effect: Effect, intent: dict[str, Any], now: datetime) -> None:
    """Tell a declined card, which the intent shows, from a request that Stripe would not take."""
    error = intent.get("last_payment_error") or {}
    code = error.get("decline_code") or error.get("code")
    if code and code == effect.error_code:  # else it is the decline of an earlier try
        confirmation.record_declined(code, effect.error or "", now)
    else:
        confirmation.record_refused(effect.error_code or "", effect.error or "", now)


def _decide(confirmation: PaymentConfirmation) -> Effect | None:
    """Reserve the charge; None when the balance is another by now. Raises NotYet while a link can still be paid."""
    attempt = confirmation.attempt
    with transaction():
        invoice = lock_invoice(attempt.invoice_id)
        known = Effect.get_or_none(Effect.key == f"{INTENT_CONFIRM.name}:{confirmation.id}")
        if known is not None:
            return known
        stopped = invoice.disputed or paused(invoice.account_id, "charges")
        if attempt.state != "open" or invoice.balance_revision != attempt.balance_revision or stopped:
            return None
        retire_asks(invoice, attempts=False)
    if PaymentLink.select().where(PaymentLink.invoice == attempt.invoice_id, PaymentLink.state == "retiring").exists():
        raise NotYet(f"A payment link of invoice {attempt.invoice_id} is being closed; the card is charged after that.")
    with transaction():
        invoice = lock_invoice(attempt.invoice_id)
        reason = "phone payment" if confirmation.by_phone else "confirmed by the clinic"
        return reserve(INTENT_CONFIRM, confirmation.id, _request(confirmation), invoice, attempt.stripe_account, confirmation.asked_by, reason)


def _request(confirmation: PaymentConfirmation) -> dict[str, Any]:
    """How the card is charged. By phone it is a mail or telephone order, which Stripe must have enabled for the account."""
    confirm: dict[str, Any] = {"payment_method": confirmation.payment_method_id, "return_url": get_settings().public_url or "https://localhost/"}
    if confirmation.off_session:
        confirm |= {"off_session": True}
    elif confirmation.by_phone:
        confirm |= {"payment_method_options": {"card": {"moto": True}}}
    return {"intent": confirmation.attempt.intent_id, "confirm": confirm | {"error_on_requires_action": confirmation.by_phone}}
