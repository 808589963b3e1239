"""The Stripe account in which we requested a payment; its clinic may use another one by now."""

from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PaymentLink


def requested_in(attempt_id: str, invoice_id: str) -> str | None:
    """Return the Stripe account ('' is the platform's) of the link or attempt with this id, if it
    is the invoice's, or None.
    """
    for rows in (PaymentLink, PaymentAttempt):
        row = rows.one("id = ? AND invoice_id = ?", attempt_id, invoice_id)
        if row is not None:
            return str(row.stripe_account)
    return None
