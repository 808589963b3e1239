"""Putting an invoice where its facts say, and retiring whatever still asks for a balance that is gone."""

from delivery.stage import stage_named
from models.invoice import Invoice
from models.payment_attempt import LIVE, PaymentAttempt
from models.payment_link import PaymentLink
from models.standing import local_date, refold
from runtime.clock import business_now, real_now


def stand_anew(invoice: Invoice) -> bool:
    """Fold a locked invoice in the open transaction; a changed balance retires links and open intents of the old one.

    Answers whether anything changed.
    """
    before = invoice.balance_revision
    changed = refold(invoice, real_now(), local_date(invoice.account, business_now()))
    if invoice.balance_revision != before or invoice.mark != "sent" or invoice.disputed:
        retire_asks(invoice)
    return changed


def retire_asks(invoice: Invoice, attempts: bool = True) -> None:
    """Stage the end of the invoice's live link and, unless told otherwise, of its open intent."""
    now = real_now()
    link = PaymentLink.current(invoice)
    if link is not None and link.state == "active":
        link.record_retiring(now)
        stage_named("retire_payment_link", link.id, link.id)
    elif link is not None:
        link.record_retired(now)
    attempt = PaymentAttempt.get_or_none((PaymentAttempt.invoice == invoice.id) & PaymentAttempt.state.in_(LIVE)) if attempts else None
    if attempt is not None:
        attempt.record_retiring(now)
        stage_named("cancel_payment_intent", attempt.id, attempt.id)
