"""Create a planned payment link at Stripe: one link per balance revision of an invoice.

Twice is harmless: the link is tagged and keyed by its row, and a link that is no longer planned is
left alone.
"""

from typing import Any

from actions.payments.payable import payment_is_under_way
from actions.payments.stripe_metadata import stripe_metadata
from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.payments.link import PAYMENT_LINK
from effects.perform import perform
from effects.reserve import reserve
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_link import PaymentLink
from models.transactions import transaction
from rules.timeline_text import asked_for
from runtime.clock import real_now


# attempts go on for about five hours, longer than most provider outages
@job(queue="messages", calls_out=True, attempts=16, timeout=20)
def create_payment_link(link_id: str) -> None:
    """Create the link of row `link_id`."""
    link = PaymentLink.get_by_id(link_id)
    with invoice_lock(link.invoice_id):
        effect = _decide(link)
        if effect is None:
            return
        made = perform(effect)
        now = real_now()
        with recording():
            invoice = Invoice.locked(link.invoice_id)
            link = PaymentLink.get_by_id(link_id)
            subject = f"payment_link:{link.id}"
            about = {
                "effect_id": effect.id,
                "invoice_id": link.invoice_id,
            }
            if made is None:
                link.record_refused(effect.error or "", now)
                AuditEntry.record(
                    SYSTEM,
                    "payment_link.refused",
                    subject,
                    link.account_id,
                    code=effect.error_code,
                    **about,
                )
                return
            effect.record_confirmed(made["id"], PAYMENT_LINK.kept(made), now)
            AuditEntry.record(
                SYSTEM,
                "payment_link.created",
                subject,
                link.account_id,
                stripe_link_id=made["id"],
                **about,
            )
            if (
                link.state == "planned"
                and invoice.balance_revision == link.balance_revision
                and not payment_is_under_way(invoice)
            ):
                link.record_created(made["id"], made["url"], now)
            else:
                link.record_created_too_late(made["id"], made["url"], now)
                stage("retire_payment_link", link.id, link.id, fair_to=link.account_id)


def _decide(link: PaymentLink) -> Effect | None:
    """Reserve the effect, unless the balance has changed since the link was planned. An effect that
    might have been sent is completed in any case, because we must know what Stripe has.
    """
    with transaction():
        invoice = Invoice.locked(link.invoice_id)
        now = real_now()
        link = PaymentLink.get_by_id(link.id)
        known = Effect.get_or_none(Effect.key == f"payment_link:{link.id}")
        if known is not None and (known.in_doubt or _is_unrecorded(link, known)):
            return known
        outdated = (
            invoice.balance_revision != link.balance_revision
            or not invoice.outstanding
            or payment_is_under_way(invoice)
        )
        if link.state != "planned" or outdated:
            if link.state == "planned":
                link.record_retired(now)
            if known is not None and known.state == "sending":
                known.record_refused("not_wanted", "The balance changed before it was sent.", now)
            return None
        return reserve(
            PAYMENT_LINK,
            link.id,
            _request(link, invoice),
            invoice,
            link.stripe_account,
            "create_payment_link",
            asked_for(link.amount, link.currency, invoice.number, link.balance_revision),
        )


def _is_unrecorded(link: PaymentLink, effect: Effect) -> bool:
    """Whether the effect has an outcome that the link does not show yet."""
    return (
        link.stripe_link_id is None
        if effect.state == "confirmed"
        else effect.state == "refused" and link.state == "planned"
    )


def _request(link: PaymentLink, invoice: Invoice) -> dict[str, Any]:
    """The request to Stripe. A link's metadata does not reach its intent, so both carry it."""
    metadata = stripe_metadata(invoice, link.id)
    price = {
        "currency": link.currency,
        "unit_amount": link.amount,
        "product_data": {"name": f"Invoice {invoice.number}"[:250]},
    }
    return {
        "line_items": [{"price_data": price, "quantity": 1}],
        "restrictions": {"completed_sessions": {"limit": 1}},
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "inactive_message": "This invoice has been paid, or its balance has changed. Thank you.",
    }
