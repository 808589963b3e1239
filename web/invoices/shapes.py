"""What a payment looks like outside."""

from typing import Any

from models.payments.payment import Payment
from rules.declines import public_code
from runtime.clock import rfc3339


def show_payment(payment: Payment) -> dict[str, Any]:
    """A payment. A lost or stolen card is only ever called declined."""
    declines = [code for state, code in payment.charges.values() if state == "failed" and code]
    return {
        "id": payment.id,
        "invoice": payment.invoice_id,
        "method": payment.method,
        "status": payment.status,
        "amount": payment.amount,
        "amountReceived": 0 if payment.voided_at else payment.amount_received,
        "currency": payment.currency,
        "paymentIntentId": payment.intent_id,
        "reference": payment.reference or payment.intent_id,
        "declineCodes": [public_code(code) for code in declines],
        "voidedAt": rfc3339(payment.voided_at) if payment.voided_at else None,
        "voidReason": payment.void_reason,
        "createdAt": rfc3339(payment.created_at),
        "updatedAt": rfc3339(payment.updated_at),
    }
