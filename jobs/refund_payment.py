"""Make a requested refund at Stripe, once, and count it in its invoice immediately.

Twice is harmless: the refund is tagged and keyed by its request, and known by its own id. Neither a
pause of charges nor their daily limit stops it: a refund costs the payer nothing, and delaying it
harms them.
"""

from actions.payments.recompute import recompute
from actions.payments.returns.announce_returns import announce_refused_refund
from actions.payments.stage_stripe_read import stage_stripe_read
from actions.payments.stripe_metadata import stripe_metadata
from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.payments.refund import REFUND
from effects.perform import perform
from effects.reserve import reserve
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.refund import PENDING, Refund
from models.payments.refund_request import RefundRequest
from models.transactions import serialize_on, transaction
from rules.invoice_fold import is_known_refund_status
from runtime.clock import real_now


# attempts go on for about five hours, longer than most provider outages
@job(queue="webhooks", calls_out=True, attempts=16, timeout=20)
def refund_payment(request_id: str) -> None:
    """Make the refund of row `request_id`."""
    request = RefundRequest.get_by_id(request_id)
    if request.state != "requested":
        return
    payment = request.payment
    with invoice_lock(payment.invoice_id):
        effect = _reserve(request)
        made = perform(effect, asked_at=request.created_at)
        now = real_now()
        with recording():
            subject = f"refund_request:{request.id}"
            about = {
                "effect_id": effect.id,
                "payment_id": payment.id,
                "amount": request.amount,
            }
            if made is None:
                invoice = Invoice.locked(payment.invoice_id)
                request.record_refused(effect.error or "", now)
                announce_refused_refund(invoice, request, effect.error_code or "")
                AuditEntry.record(
                    SYSTEM,
                    "refund.refused",
                    subject,
                    request.account_id,
                    code=effect.error_code,
                    **about,
                )
                return
            serialize_on(made["payment_intent"])
            invoice = Invoice.locked(payment.invoice_id)
            effect.record_confirmed(made["id"], REFUND.kept(made), now)
            request.record_confirmed(made["id"], now)
            AuditEntry.record(
                SYSTEM,
                "refund.confirmed",
                subject,
                request.account_id,
                refund_id=made["id"],
                **about,
            )
            Refund.record_report(payment.stripe_account, made, now)
            if not is_known_refund_status(made.get("status") or PENDING):
                stage_stripe_read("refund", made["id"], payment.stripe_account, payment.account_id)
            recompute(invoice)


def _reserve(request: RefundRequest) -> Effect:
    payment = request.payment
    metadata = stripe_metadata(payment.invoice, request.id)
    body = {"payment_intent": payment.intent_id, "amount": request.amount, "metadata": metadata}
    if request.reason:
        body["reason"] = request.reason
    why = request.asked_by, request.reason or "asked for"
    with transaction():
        return reserve(REFUND, request.id, body, payment.invoice, payment.stripe_account, *why)
