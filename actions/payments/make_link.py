"""Making the payment link of an invoice's current balance."""

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
    """The locked invoice's live link, or a new one with the job that makes it, in the `queue` that
    is given.
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
    """Make the current link at once, for a payer who waits: the balance has changed, or the link
    was closed, since the address was given. One that Stripe refused is not tried again; one that
    never reached it is.
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
    """Whether the refused link was held up here for its whole day: Stripe has not said no."""
    effect = Effect.get_or_none(Effect.key == f"payment_link:{link.id}")
    return effect is not None and effect.error_code == "deadline_passed"
