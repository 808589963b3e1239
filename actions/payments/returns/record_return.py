"""Record a refund or a dispute as Stripe reports it."""

from datetime import datetime
from typing import Any

from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.invoices.invoice import Invoice
from models.payments.dispute import Dispute
from models.payments.refund import Refund
from models.payments.refund_request import RefundRequest

Json = dict[str, Any]


def record_return(
    stripe_account: str,
    subject: Json,
    now: datetime,
    invoice: Invoice | None = None,
    **about: str,
) -> bool:
    """Record a refund or dispute, and audit it with `about` if it is new. Return whether it was
    new. Needs an open transaction; the caller recomputes the invoice.

    A refund of ours that Stripe reports before our own request was answered is its request's.
    """
    kind, noun = (Dispute, "dispute") if subject["object"] == "dispute" else (Refund, "refund")
    is_new = kind.record_report(stripe_account, subject, now)
    if is_new:
        if noun == "refund":
            RefundRequest.record_made(stripe_account, subject)
        row = kind.get_by_id(subject["id"])
        amounts = {
            "amount": subject["amount"],
            "currency": subject["currency"],
            "intent_id": subject["payment_intent"],
        }
        AuditEntry.record(
            SYSTEM,
            f"{noun}.{subject['status'] or row.status}",
            f"{noun}:{subject['id']}",
            invoice.account_id if invoice else None,
            **about,
            **amounts,
        )
    return is_new
