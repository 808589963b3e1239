"""Ask Stripe again about a payment, refund or dispute that was left unclear: an unknown word, an
unnamed charge, or money that has not come back.

Twice is harmless: it only reads, and what it reads is merged by Stripe's ids. It retries for half
an hour while the answer stays unclear; after that the books keep what is known and the log says so.
The hourly comparison with Stripe's books goes on.
"""

from actions.deployment.card.record_fee_event import fee_of, record_fee_event
from actions.payments.recompute import recompute
from actions.payments.record_intent import record_intent
from actions.payments.returns.record_return import record_return
from delivery.attempt import attempt_number, recording
from delivery.locks import invoice_lock
from delivery.registry import job
from models.accounts.audit_entry import SYSTEM
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.payment import Payment
from models.payments.refund import Refund
from models.transactions import serialize_on
from providers.errors import ProviderError
from providers.stripe import client as stripe_api
from providers.stripe.events import (
    ClaimedOwner,
    Json,
    PaymentFinding,
    RefundFinding,
    Unreadable,
    read_dispute,
    read_intent,
    read_refund,
)
from providers.stripe.intents import get_intent
from runtime.clock import real_now
from runtime.errors import NotYet
from runtime.log import get_log

ATTEMPTS = 6
Found = PaymentFinding | RefundFinding | Json  # a dispute stays as it was read

log = get_log("books")


@job(queue="webhooks", calls_out=True, attempts=ATTEMPTS, timeout=20, backoff=60.0)
def ask_stripe_again(tells: str, object_id: str, stripe_account: str) -> None:
    """Read the payment, refund or dispute `object_id` at Stripe, and record what it says now."""
    payment = _payment(tells, object_id, stripe_account)
    if payment is None:
        _ask(tells, object_id, stripe_account)
        return
    with invoice_lock(payment.invoice_id):
        _ask(tells, object_id, stripe_account)


def _payment(tells: str, object_id: str, stripe_account: str) -> Payment | None:
    if tells == "payment":
        return Payment.by_intent(stripe_account, object_id)
    row = (
        Dispute.get_or_none(Dispute.dispute_id == object_id)
        if tells == "dispute"
        else Refund.get_or_none(Refund.refund_id == object_id)
    )
    return Payment.by_intent(stripe_account, row.intent_id) if row is not None else None


def _ask(tells: str, object_id: str, stripe_account: str) -> None:
    try:
        finding = _read(tells, object_id, stripe_account)
    except (ProviderError, Unreadable) as error:
        if isinstance(error, ProviderError) and error.outcome != "refused":
            raise
        log.warning("Stripe refused to show an object", about=object_id, why=str(error))
        return
    if isinstance(finding, dict) or not finding.doubt:
        _record(finding, stripe_account)
    elif attempt_number() in range(1, ATTEMPTS):
        raise NotYet(f"Stripe says of {object_id}: {finding.doubt}. It will be asked again.")
    else:
        log.warning("Stripe uses an unknown word", about=object_id, why=finding.doubt)


def _read(tells: str, object_id: str, stripe_account: str) -> Found:
    match tells:
        case "payment":
            return read_intent(get_intent(object_id, stripe_account))
        case "dispute":
            return read_dispute(stripe_api.get_dispute(object_id, stripe_account))
        case _:
            return read_refund(stripe_api.get_refund(object_id, stripe_account))


def _belonging_of(finding: Found) -> ClaimedOwner:
    """What the object's own metadata claims; a dispute has none."""
    return ClaimedOwner() if isinstance(finding, dict) else finding.belonging


def _record(finding: Found, stripe_account: str) -> None:
    intent_id = finding["payment_intent"] if isinstance(finding, dict) else finding.intent_id
    with recording():
        serialize_on(intent_id)
        payment = Payment.by_intent(stripe_account, intent_id)  # may be new since the read
        invoice = Invoice.locked(payment.invoice_id) if payment is not None else None
        if isinstance(finding, PaymentFinding):
            if invoice is not None:
                record_intent(invoice, stripe_account, finding, SYSTEM)
            return
        subject = finding if isinstance(finding, dict) else finding.refund
        fee = fee_of(intent_id, _belonging_of(finding)) if not stripe_account else None
        if invoice is None and fee is not None:
            record_fee_event(fee, [subject])
            return
        record_return(stripe_account, subject, real_now(), invoice)
        if invoice is not None:
            recompute(invoice)
