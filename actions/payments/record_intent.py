"""Putting an invoice where its facts say, and retiring whatever still asks for a balance that is
gone.
"""

from actions.payments.recompute import refold
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.delivery.stage import stage_again
from models.invoices.invoice import Invoice
from models.payments.dispute import disputes_of
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_link import PaymentLink
from models.payments.refund import refunds_of
from providers.stripe.events import PaymentFinding
from runtime.clock import business_now, real_now


def take_in(
    invoice: Invoice, stripe_account: str, finding: PaymentFinding, actor: str, **about: str
) -> bool:
    """Record what Stripe says of an intent, by an event or when it was read, and what follows for
    its invoice.

    In the open transaction, which has serialized on the intent and locked the invoice, in that
    order. What is new is audited as `actor`'s, with `about` (F61). Answers whether anything was.
    """
    now = real_now()
    told = Payment.record_report(invoice, stripe_account, finding.intent_id, finding.report, now)
    payment = Payment.by_intent(stripe_account, finding.intent_id)
    if told and payment is not None:
        money = {"amount": payment.amount, "currency": payment.currency}
        subject = {"invoice_id": invoice.id, "intent_id": finding.intent_id}
        AuditEntry.record(
            actor,
            f"payment.{payment.status}",
            f"payment:{payment.id}",
            invoice.account_id,
            **money,
            **subject,
            **about,
        )
        if refunds_of([payment]) or disputes_of([payment]):  # their events may have come first
            InboxEvent.record_matched(stripe_account, finding.intent_id, invoice.id, now)
    PaymentAttempt.record_over({"id": finding.intent_id, "status": finding.report.terminal}, now)
    stand_anew(invoice)
    if told and payment is not None and payment.status == "processing":
        _close_other_ways(invoice, finding.intent_id)
    return told


def _close_other_ways(invoice: Invoice, intent_id: str) -> None:
    """A bank works on this intent, for days perhaps: nothing else is to take the same money
    meanwhile, and a link it came by is used up.
    """
    live = PaymentAttempt.live(invoice)
    retire_asks(invoice, attempts=live is not None and live.intent_id != intent_id)


def stand_anew(invoice: Invoice) -> bool:
    """Recompute a locked invoice's status in the open transaction; if its balance changed, retire
    links and intents for the old one.

    Answers whether anything changed.
    """
    before = invoice.balance_revision
    changed = refold(invoice, real_now(), invoice.account.local_date(business_now()))
    if invoice.balance_revision != before or invoice.mark != "sent" or invoice.disputed:
        retire_asks(invoice)
    return changed


def retire_asks_elsewhere(invoice: Invoice) -> None:
    """Retire what asks for the invoice's money in another Stripe account than the
    clinic has now.
    """
    live = (PaymentLink.current(invoice), PaymentAttempt.live(invoice))
    if any(
        row is not None and row.stripe_account != (invoice.account.stripe_account or "")
        for row in live
    ):
        retire_asks(invoice)


def retire_asks(invoice: Invoice, attempts: bool = True) -> None:
    """Stage the end of the invoice's live link and, unless told otherwise, of its open intent."""
    now = real_now()
    link = PaymentLink.current(invoice)
    if link is not None and link.state == "active":
        link.record_retiring(now)
        stage_again("retire_payment_link", link.id, link.id)
    elif link is not None:
        link.record_retired(now)
    attempt = PaymentAttempt.live(invoice) if attempts else None
    if attempt is not None:
        attempt.record_retiring(now)
        stage_again("cancel_payment_intent", attempt.id, attempt.id)
