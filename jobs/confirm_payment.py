"""Make a requested charge: confirm the attempt's intent with a card, once, and read the result from
the intent.

Twice is harmless: a confirmation is one effect, and an intent succeeds once. Nothing is charged
late, nor in a different amount than requested, nor while anything else could still collect the
invoice's money. In these cases the intent is read, and cancelled unless it has taken the money.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.payments.record_intent import record_intent
from actions.payments.retire_open_payments import retire_open_payments
from actions.payments.saved_card import card_on_file
from delivery.attempt import own_queue, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.payments.intent import INTENT_CONFIRM
from effects.perform import perform
from effects.reserve import reserve
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage_again
from models.effects.daily_limit import over_ceiling
from models.effects.effect import BY_HAND, Effect
from models.effects.pause_switch import paused
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.payment_attempt import LIVE, PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.transactions import serialize_on, transaction
from providers.stripe.events import read_intent
from providers.stripe.intents import get_intent
from rules.invoice_fold import UNPAID
from runtime.clock import business_now, real_now
from runtime.errors import NotYet
from runtime.settings import get_settings

# counted from the request: a card must not be charged later than its owner expects
CHARGE_WITHIN = timedelta(minutes=10)
TAKEN = frozenset({"succeeded", "processing", "requires_capture"})
INTENT_REFUSED = "intent_refused"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """Charge through `effect`. If there is a reason `why` not to, only read the intent of an
    `effect` that was sent.
    """

    effect: Effect | None = None
    why: str = ""


@job(queue="webhooks", calls_out=True, attempts=10, timeout=20, backoff=1.0)
def confirm_payment(confirmation_id: str) -> None:
    """Make the charge that row `confirmation_id` requests."""
    confirmation = PaymentConfirmation.get_by_id(confirmation_id)
    if confirmation.state != "requested":
        return
    with invoice_lock(confirmation.attempt.invoice_id):
        decided_at = real_now()
        decision = _decide(confirmation)
        effect = decision.effect
        if (
            effect is None
            or effect.error_code == BY_HAND
            or (decision.why and effect.sent_at is None)
        ):
            _withdraw(confirmation, effect, decision.why or BY_HAND, None)
            return
        answer = None if decision.why else perform(effect, decided_at)
        attempt = PaymentAttempt.get_by_id(confirmation.attempt_id)
        intent = get_intent(attempt.intent_id or "", attempt.stripe_account)
        if decision.why and intent["status"] not in TAKEN:
            _withdraw(confirmation, effect, decision.why, intent)
            return
        _settle(confirmation, effect, answer or (intent if decision.why else None), intent)


def _decide(confirmation: PaymentConfirmation) -> Decision:
    """Decide whether the card may be charged and reserve the charge, in one transaction. Raises
    NotYet if the decision has to wait.
    """
    invoice_id = confirmation.attempt.invoice_id
    card = confirmation.payment_method_id or (
        _saved_card(confirmation) if _in_time(confirmation) else None
    )
    with transaction():
        retire_open_payments(Invoice.locked(invoice_id), attempts=False, queue=own_queue())
    with transaction():
        invoice = Invoice.locked(invoice_id)
        attempt = PaymentAttempt.get_by_id(confirmation.attempt_id)
        known = Effect.get_or_none(Effect.key == f"{INTENT_CONFIRM.name}:{confirmation.id}")
        settled = known is not None and known.state in {"confirmed", "refused"}
        why = "" if settled else _why_not(invoice, attempt, confirmation, card)
        if known is not None or why:
            return Decision(known, why)
        _wait_for_others(invoice, attempt)
        # counts charges reserved since this one was requested
        if over_ceiling(invoice.account_id, "charges", business_now()):
            return Decision(None, "ceiling_reached")
        reason = "phone payment" if confirmation.by_phone else "confirmed by the clinic"
        request = _request(confirmation, attempt, card or "")
        return Decision(
            reserve(
                INTENT_CONFIRM,
                confirmation.id,
                request,
                invoice,
                attempt.stripe_account,
                confirmation.asked_by,
                reason,
            )
        )


def _in_time(confirmation: PaymentConfirmation) -> bool:
    return real_now() - confirmation.created_at <= CHARGE_WITHIN


def _why_not(
    invoice: Invoice, attempt: PaymentAttempt, confirmation: PaymentConfirmation, card: str | None
) -> str:
    """Why the card must not be charged; empty if it may."""
    processing = (
        Payment.select()
        .where(Payment.invoice == invoice.id, Payment.status == "processing")
        .exists()
    )
    outdated = (
        attempt.state not in {*LIVE, "refused"}
        or invoice.balance_revision != attempt.balance_revision
    )
    reasons = {
        "too_late": not _in_time(confirmation),
        "not_payable": outdated or invoice.disputed or invoice.status not in UNPAID,
        INTENT_REFUSED: attempt.state == "refused",
        "charges_paused": paused(invoice.account_id, "charges"),
        "payment_in_progress": processing,
        "amount_refused": confirmation.amount != attempt.amount,
        "no_saved_card": card is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _wait_for_others(invoice: Invoice, attempt: PaymentAttempt) -> None:
    """Raises NotYet while the intent is not in place, or a link or another intent could still take
    the money.
    """
    if not attempt.is_in_place:
        raise NotYet(
            f"The intent of attempt {attempt.id} is still being created or changed; the card will"
            " be charged after that."
        )
    links = PaymentLink.select().where(
        PaymentLink.invoice == invoice.id, PaymentLink.state == "retiring"
    )
    others = PaymentAttempt.select().where(
        PaymentAttempt.invoice == invoice.id, PaymentAttempt.state == "retiring"
    )
    if links.exists() or others.exists():
        raise NotYet(
            f"A payment link or an older intent of invoice {invoice.id} is being closed; the card"
            " will be charged after that."
        )


def _saved_card(confirmation: PaymentConfirmation) -> str | None:
    attempt = confirmation.attempt
    customer = attempt.invoice.customer
    # if Stripe refused a change, the intent might still belong to an earlier Stripe customer
    if not attempt.stripe_customer_id or attempt.stripe_customer_id != customer.stripe_customer_id:
        return None
    return card_on_file(customer, attempt.stripe_customer_id, attempt.stripe_account)


def _request(confirmation: PaymentConfirmation, attempt: PaymentAttempt, card: str) -> Json:
    """The parameters of the charge. A phone payment is a mail or telephone order (MOTO), which
    Stripe must have enabled for the account.
    """
    confirm: Json = {
        "payment_method": card,
        "return_url": get_settings().public_url or "https://localhost/",
        "amount_to_confirm": confirmation.amount,
    }
    if confirmation.off_session:
        confirm |= {"off_session": True}
    elif confirmation.by_phone:
        confirm |= {"payment_method_options": {"card": {"moto": True}}}
    return {
        "intent": attempt.intent_id,
        "confirm": confirm | {"error_on_requires_action": confirmation.by_phone},
    }


def _settle(
    confirmation: PaymentConfirmation, effect: Effect, answer: Json | None, intent: Json
) -> None:
    """Record the result of the charge, as the intent shows it."""
    attempt = confirmation.attempt
    now = real_now()
    with recording():
        serialize_on(intent["id"])
        invoice = Invoice.locked(attempt.invoice_id)
        if answer is not None:
            effect.record_confirmed(
                answer["id"], {"id": answer["id"], "status": intent["status"]}, now
            )
        # before the confirmation is settled, so that a failure is reported with the call it was
        # made in
        record_intent(invoice, attempt.stripe_account, read_intent(intent), confirmation.asked_by)
        # Stripe also refuses if the payer's own browser confirmed first; then the money was taken
        if answer is not None or intent["status"] in TAKEN:
            confirmation.record_settled(now)
        else:
            _record_failure(confirmation, effect, intent, now)
        _audit(confirmation, invoice, intent["id"])


def _record_failure(
    confirmation: PaymentConfirmation, effect: Effect, intent: Json, now: datetime
) -> None:
    """Record a decline, as shown by the intent, or else a request that Stripe refused."""
    error = intent.get("last_payment_error") or {}
    code = error.get("decline_code") or error.get("code")
    if code and code == effect.error_code:  # otherwise it is an earlier try's decline
        confirmation.record_declined(code, effect.error or "", now)
    else:
        confirmation.record_refused(effect.error_code or "", effect.error or "", now)


def _withdraw(
    confirmation: PaymentConfirmation, effect: Effect | None, why: str, intent: Json | None
) -> None:
    """Refuse the charge. An intent that a lost request could still reach is cancelled."""
    with recording():
        invoice = Invoice.locked(confirmation.attempt.invoice_id)
        now = real_now()
        if effect is not None and effect.state != "refused":
            effect.record_refused(why, "it was no longer wanted", now)
        confirmation.record_refused(why, _reason_text(confirmation, why), now)
        if intent is not None:
            confirmation.attempt.record_retiring(now)
            attempt_id = confirmation.attempt_id
            stage_again("cancel_payment_intent", attempt_id, attempt_id, fair_to=invoice.account_id)
        _audit(confirmation, invoice, intent["id"] if intent else None)


def _reason_text(confirmation: PaymentConfirmation, why: str) -> str:
    """The text stored with the reason `why`: Stripe's own words if it refused the intent."""
    error = (
        PaymentAttempt.get_by_id(confirmation.attempt_id).error if why == INTENT_REFUSED else None
    )
    return error or "nothing was charged"


def _audit(confirmation: PaymentConfirmation, invoice: Invoice, intent_id: str | None) -> None:
    if confirmation.state == "requested":
        return  # the outcome was recorded and audited before
    about = {
        "invoice_id": invoice.id,
        "intent_id": intent_id,
        "amount": confirmation.amount,
        "code": confirmation.code,
    }
    AuditEntry.record(
        SYSTEM,
        f"payment.{confirmation.state}",
        f"payment_confirmation:{confirmation.id}",
        invoice.account_id,
        **about,
    )
