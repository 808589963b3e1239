"""Record what Stripe reports about a PaymentIntent, and the consequences for its invoice."""

from actions.payments.announce_unexpected import InvoiceBefore, announce_unexpected
from actions.payments.recompute import recompute
from actions.payments.restore_intent import restore_intent
from actions.payments.retire_open_payments import retire_open_payments
from actions.payments.stage_stripe_read import stage_stripe_read
from models.accounts.audit_entry import AuditEntry
from models.books.inbox_event import InboxEvent
from models.contact.hold import customer_key
from models.feed.emit import NewEvent
from models.invoices.invoice import Invoice
from models.payments.invoice_facts import InvoiceFacts
from models.payments.payment import Payment
from models.payments.payment_attempt import PaymentAttempt
from models.payments.payment_confirmation import PaymentConfirmation
from models.payments.payment_link import PaymentLink
from models.transactions import serialize_on
from providers.stripe.events import PaymentFinding
from rules.payment_merge import CHANGEABLE
from runtime.clock import real_now


def record_intent(
    invoice: Invoice,
    stripe_account: str,
    finding: PaymentFinding,
    actor: str,
    is_current: bool = True,
    **about: str,
) -> bool:
    """Record Stripe's report of an intent and recompute its invoice. Return whether anything was
    new. `is_current` is False for an event, which can be old: if it leaves something open, a job
    asks Stripe again.

    An open intent for another amount than our rows have, as when an earlier change took effect
    late, is changed back.

    Call it in a transaction that has serialized on the intent and then locked the invoice, in that
    order. New facts are audited under `actor`, with `about`.
    """
    now, intent_id = real_now(), finding.intent_id
    payments = Payment.of_invoice(invoice)
    before = InvoiceBefore.of(invoice, payments)
    is_new = Payment.record_report(
        invoice, stripe_account, intent_id, finding.report, now, is_current, payments
    )
    facts = InvoiceFacts.of(invoice, payments)
    payment = facts.of_intent(stripe_account, intent_id)
    if not is_current and (finding.doubt or (payment is not None and payment.has_unnamed_charge)):
        stage_stripe_read("payment", intent_id, stripe_account, invoice.account_id)
    if is_new and payment is not None:
        money = {"amount": payment.amount, "currency": payment.currency}
        AuditEntry.record(
            actor,
            f"payment.{payment.status}",
            f"payment:{payment.id}",
            invoice.account_id,
            invoice_id=invoice.id,
            intent_id=intent_id,
            **money,
            **about,
        )
        if facts.has_returns(payment):  # events about its refund or dispute may have come first
            InboxEvent.record_matched(stripe_account, intent_id, invoice.id, now)
    if payment is not None and before.is_newly_foreign(invoice, payment):
        serialize_on(customer_key(invoice.customer_id))  # for a hold; lock order: before the feed
    over = {"id": intent_id, "status": finding.report.terminal}
    is_ours = PaymentAttempt.record_over(over, now)
    recompute(invoice, facts, _news(payment, before, is_ours))
    if payment is not None and payment.status in CHANGEABLE:
        _put_right(invoice, finding, is_current)
    if is_new and payment is not None:
        announce_unexpected(invoice, payment, before)
    if is_new and payment is not None and payment.status == "processing":
        _close_other_ways(invoice, intent_id)
    return is_new


def _put_right(invoice: Invoice, finding: PaymentFinding, is_current: bool) -> None:
    """Change an open intent's amount back, and retire the invoice's link if it is used up without
    having been paid, as by a bank debit that has failed.
    """
    wrong = (
        PaymentAttempt.not_as_confirmed(finding.intent_id, finding.report.amount)
        if is_current
        else None
    )
    if wrong is not None:
        restore_intent(wrong)
    link = PaymentLink.current(invoice) if finding.used_link else None
    if link is not None and link.stripe_link_id == finding.used_link:
        retire_open_payments(invoice, attempts=False)


def _news(payment: Payment | None, before: InvoiceBefore, is_ours: bool) -> list[NewEvent]:
    """Return the news that the payment succeeded, unless it already had `before`. `is_ours`: the
    intent is one of ours, so it may have been charged during a call.
    """
    if payment is None or payment.terminal != "succeeded" or payment.id in before.succeeded:
        return []
    return [payment.success(PaymentConfirmation.call_of(payment.intent_id) if is_ours else None)]


def _close_other_ways(invoice: Invoice, intent_id: str) -> None:
    """Retire the invoice's other open payments while a bank processes this intent, which can take
    days: the same money must not be taken twice, and the link that led here is used up.
    """
    live = PaymentAttempt.live(invoice)
    retire_open_payments(invoice, attempts=live is not None and live.intent_id != intent_id)
