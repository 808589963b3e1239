"""Create the payment link for an invoice's current balance."""

from actions.payments.retire_open_payments import retire_payments_elsewhere
from delivery.perform_now import perform_now, stage_now
from models.accounts.audit_entry import AuditEntry
from models.delivery.stage import stage_again
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_link import PaymentLink
from models.transactions import transaction
from runtime.clock import real_now


def plan_link(invoice: Invoice, actor: str, queue: str = "") -> PaymentLink:
    """Return the locked invoice's live link, or plan a new one and stage the job that creates it,
    in `queue` if given.
    """
    retire_payments_elsewhere(invoice)
    link = PaymentLink.plan(invoice, real_now())
    if link.state == "planned" and stage_again(
        "create_payment_link", link.id, link.id, fair_to=link.account_id, queue=queue
    ):
        AuditEntry.record(
            actor,
            "payment_link.planned",
            f"payment_link:{link.id}",
            invoice.account_id,
            invoice_id=invoice.id,
            amount=link.amount,
            currency=link.currency,
        )
    return link


def make_link_now(invoice_id: str) -> PaymentLink | None:
    """Create the current link at once for a waiting payer, because the balance changed or the link
    was closed after the URL was sent. A link that Stripe refused is not retried; one that never
    reached Stripe is.
    """
    with transaction():
        invoice = Invoice.locked(invoice_id)
        newest = PaymentLink.newest(invoice)
        if newest is not None and newest.state == "refused" and not _never_sent(newest):
            return newest
        retire_payments_elsewhere(invoice)
        link = PaymentLink.plan(invoice, real_now())
        job_id = (
            stage_now("create_payment_link", link.id, link.id, fair_to=link.account_id)
            if link.state == "planned"
            else None
        )
    perform_now(job_id)
    return PaymentLink.newest(invoice)


def _never_sent(link: PaymentLink) -> bool:
    """Whether the refused link was held back here until its deadline passed, so Stripe never
    refused it.
    """
    effect = Effect.get_or_none(Effect.key == f"payment_link:{link.id}")
    return effect is not None and effect.error_code == "deadline_passed"
