"""Request a refund of a card payment: reserve its amount, and stage the job that makes it."""

from actions.payments.chargeable import refuse_amount
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage
from models.invoices.invoice import Invoice
from models.payments.payment import Payment
from models.payments.refund_request import RefundRequest, refundable
from models.transactions import transaction
from rules.money import not_in_steps
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.settings import INTERACTIVE


def request_refund(
    payment: Payment, amount: int | None, reason: str | None, actor: str
) -> RefundRequest:
    """Request a refund of `amount`, or of what remains refundable. Raises Refused."""
    with transaction():
        Invoice.locked(payment.invoice_id)
        amount = _checked(payment, amount)
        request = RefundRequest.request(payment, amount, reason, actor, real_now())
        whose = payment.account_id
        stage("refund_payment", request.id, request.id, fair_to=whose, queue=INTERACTIVE)
        AuditEntry.record(
            actor,
            "refund.requested",
            f"refund_request:{request.id}",
            payment.account_id,
            payment_id=payment.id,
            amount=amount,
            currency=payment.currency,
            reason=reason,
        )
    return request


def _checked(payment: Payment, wanted: int | None) -> int:
    if payment.method != "stripe" or payment.status != "succeeded":
        raise Refused(
            "payment_not_refundable",
            f"Payment {payment.id} is {payment.status} ({payment.method}); only a succeeded card"
            " payment can be refunded.",
        )
    left = refundable(payment)
    amount = left if wanted is None else wanted
    if amount <= 0 or amount > left:
        raise Refused(
            "amount_exceeds_payment",
            f"Of payment {payment.id}, {left} {payment.currency} (minor units) can still be"
            f" refunded; {amount} was requested.",
        )
    refuse_amount(not_in_steps(amount, payment.currency), "amount")
    return amount
