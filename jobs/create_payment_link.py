"""A planned payment link is made at Stripe: one link for one balance of one invoice.

Twice is harmless: the link is tagged and keyed by its row; one that is not planned any more is left alone.
"""

from datetime import timedelta
from typing import Any

from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from effects.kinds import PAYMENT_LINK
from effects.perform import perform
from models.base import transaction
from models.effect import Effect
from models.payment_link import PaymentLink
from models.standing import lock_invoice
from runtime.clock import real_now

DEADLINE = timedelta(days=1)


@job(queue="messages", attempts=10, timeout=20)
def create_payment_link(link_id: str) -> None:
    """Make the link of row `link_id`."""
    link = PaymentLink.get_by_id(link_id)
    if link.state != "planned":
        return
    with invoice_lock(link.invoice_id):
        effect = _decide(link)
        if effect is None:
            return
        made, now = perform(effect), real_now()
        with recording():
            if made is None:
                link.record_refused(effect.error or "", now)
                return
            effect.record_confirmed(made["id"], {"id": made["id"], "url": made["url"]}, now)
            link.record_created(made["id"], made["url"], now)


def _decide(link: PaymentLink) -> Effect | None:
    """Reserve the effect, unless the balance has changed since the link was planned."""
    with transaction():
        invoice = lock_invoice(link.invoice_id)
        known = Effect.get_or_none(Effect.key == f"payment_link:{link.id}")
        if known is None and (invoice.balance_revision != link.balance_revision or not invoice.outstanding):
            link.record_retired(real_now())
            return None
        now = real_now()
        about = {"account_id": link.account_id, "invoice_id": invoice.id, "stripe_account": link.stripe_account}
        return Effect.reserve(
            "payment_link", f"payment_link:{link.id}", PAYMENT_LINK.provider, _request(link, invoice.number, invoice.project), now + DEADLINE, now,
            asked_by="create_payment_link", reason=f"balance {link.balance_revision} of invoice {invoice.number}", **about,
        )  # fmt: skip


def _request(link: PaymentLink, number: str, project: str | None) -> dict[str, Any]:
    """What Stripe is asked for. A link's metadata does not reach its intent, so both carry it."""
    metadata = {"account_id": link.account_id, "invoice_id": link.invoice_id, "attempt_id": link.id, "project": (project or "")[:500]}
    price = {"currency": link.currency, "unit_amount": link.amount, "product_data": {"name": f"Invoice {number}"[:250]}}
    return {
        "line_items": [{"price_data": price, "quantity": 1}],
        "restrictions": {"completed_sessions": {"limit": 1}},
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "inactive_message": "This invoice has been paid, or its balance has changed. Thank you.",
    }
