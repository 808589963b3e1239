"""Emit events about returned money: refunds that succeeded or failed, disputes opened or closed.

Checked whenever an invoice is recomputed, so that each event is emitted once, in whatever order
Stripe's reports arrive.
"""

from datetime import datetime
from typing import Any

from actions.people.overpayments_and_disputes import (
    reopen_refunded_item,
    update_dispute_deadline,
    update_dispute_item,
)
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.feed.emit import emit
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.invoice_facts import InvoiceFacts
from models.payments.payment import Payment
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest
from rules.dispute_course import CLOSED
from runtime.clock import rfc3339

# refund status → the outcome that is announced
REFUNDS = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


def announce_returns(invoice: Invoice, facts: InvoiceFacts, now: datetime) -> None:
    """Emit what has not been emitted yet about a locked invoice's payments. When a refund fails,
    its request fails with it.
    """
    for payment, refund in facts.refunds:
        outcome = REFUNDS.get(refund.status, "")
        if outcome == "failed":
            _fail_request(refund, now)
        if outcome and outcome != refund.announced:
            emit(
                invoice.account_id,
                f"refund.{outcome}",
                _about_refund(refund, payment),
                f"invoice:{invoice.id}",
            )
            refund.record_announced(outcome)
    for payment, dispute in facts.disputes:
        _announce_dispute(invoice, payment, dispute)


def announce_refused_refund(invoice: Invoice, request: RefundRequest, code: str) -> None:
    """Emit that Stripe refused a refund of a locked invoice's payment, so none was made. The money
    that was to be returned becomes a staff task again.
    """
    payment: Payment = request.payment
    about = {
        "invoiceId": invoice.id,
        "paymentId": payment.id,
        "refundId": None,
        "refundRequestId": request.id,
        "amount": request.amount,
        "currency": payment.currency,
        "status": "refused",
        "failureReason": code,
    }
    emit(invoice.account_id, "refund.failed", about, f"invoice:{invoice.id}")
    reopen_refunded_item(invoice)


def _fail_request(refund: Refund, now: datetime) -> None:
    request = RefundRequest.get_or_none(
        (RefundRequest.refund_id == refund.refund_id) & (RefundRequest.state == "confirmed")
    )
    if request is not None:
        request.record_failed(
            f"The bank returned the refund ({refund.failure_reason or refund.status}). Request it"
            " again, or return the money another way.",
            now,
        )
        about = {
            "refund_id": refund.refund_id,
            "payment_id": request.payment_id,
            "amount": refund.amount,
            "code": refund.failure_reason,
        }
        AuditEntry.record(
            SYSTEM, "refund.failed", f"refund_request:{request.id}", request.account_id, **about
        )


def _about_refund(refund: Refund, payment: Payment) -> dict[str, Any]:
    request = RefundRequest.get_or_none(RefundRequest.refund_id == refund.refund_id)
    return {
        "invoiceId": payment.invoice_id,
        "paymentId": payment.id,
        "refundId": refund.refund_id,
        "refundRequestId": request.id if request else None,
        "amount": refund.amount,
        "currency": refund.currency,
        "status": refund.status,
        "failureReason": refund.failure_reason,
    }


def _announce_dispute(invoice: Invoice, payment: Payment, dispute: Dispute) -> None:
    """Emit `opened`, then `closed`; both again for one that has begun anew."""
    is_over = dispute.status in CLOSED
    steps = [] if dispute.announced else ["opened"]
    steps += ["closed"] if is_over and dispute.announced != "closed" else []
    for step in steps:
        about = {
            "invoiceId": invoice.id,
            "paymentId": payment.id,
            "disputeId": dispute.dispute_id,
            "amount": dispute.amount,
            "currency": dispute.currency,
            "reason": dispute.reason,
            "status": dispute.status,
            "dueBy": rfc3339(dispute.due_by) if dispute.due_by else None,
        } | ({"verdict": dispute.status} if step == "closed" else {})
        emit(invoice.account_id, f"dispute.{step}", about, f"invoice:{invoice.id}")
        update_dispute_item(invoice, dispute, step)
    if steps:
        dispute.record_announced(steps[-1])
    elif not is_over:
        update_dispute_deadline(dispute)
