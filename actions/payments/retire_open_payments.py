"""Retire links and intents that ask for a balance, or use a Stripe account, that is no longer
current.
"""

from models.delivery.stage import stage_again
from models.invoices.invoice import Invoice
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PaymentLink
from models.transactions import execute
from runtime.clock import real_now

# most invoices have neither a link nor an intent, which one statement shows
_ANY_OPEN = (
    "SELECT 1 FROM payment_link WHERE invoice_id = ? AND state IN ('planned', 'active')"
    " UNION ALL"
    " SELECT 1 FROM payment_attempt WHERE invoice_id = ? AND state IN ('planned', 'open')"
)


def retire_open_payments(invoice: Invoice, attempts: bool = True, queue: str = "") -> None:
    """Stage the retirement of the invoice's live link and, unless `attempts` is False, of its open
    intent; in `queue` if given, for when a payer or client waits for it.
    """
    if not execute(_ANY_OPEN, (invoice.id, invoice.id)).fetchone():
        return
    account = invoice.account_id
    now = real_now()
    link = PaymentLink.current(invoice)
    if link is not None and link.state == "active":
        link.record_retiring(now)
        stage_again("retire_payment_link", link.id, link.id, fair_to=account, queue=queue)
    elif link is not None:
        link.record_retired(now)
    attempt = PaymentAttempt.live(invoice) if attempts else None
    if attempt is not None:
        attempt.record_retiring(now)
        stage_again("cancel_payment_intent", attempt.id, attempt.id, fair_to=account, queue=queue)


def retire_payments_elsewhere(invoice: Invoice) -> None:
    """Retire the invoice's link and intent if either is in a Stripe account that the clinic no
    longer uses.
    """
    live = (PaymentLink.current(invoice), PaymentAttempt.live(invoice))
    here = invoice.account.stripe_account or ""
    if any(row is not None and row.stripe_account != here for row in live):
        retire_open_payments(invoice)
