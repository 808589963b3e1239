"""A link of a balance that is gone takes no visitors any more; its open sessions are expired one by one.

Twice is harmless: a link that is inactive stays so. A session that was completed first has been paid, and counts.
"""

from delivery.attempt import recording
from delivery.locks import invoice_lock
from delivery.registry import job
from delivery.stage import stage
from effects.perform import perform
from effects.reserve import reserve
from effects.stripe_intents import LINK_DEACTIVATE, SESSION_EXPIRE
from models.base import transaction
from models.payment_link import PaymentLink
from models.standing import lock_invoice
from providers.stripe_intents import list_open_sessions
from runtime.clock import real_now


@job(queue="messages", attempts=10, timeout=20)
def retire_payment_link(link_id: str) -> None:
    """Close the link of row `link_id`."""
    link = PaymentLink.get_by_id(link_id)
    if link.state != "retiring":
        return
    with transaction():
        request = {"link": link.stripe_link_id}
        effect = reserve(LINK_DEACTIVATE, link.id, request, link.invoice, link.stripe_account, "balance changed", "the balance it asked for is gone")
    closed = perform(effect)
    sessions = list_open_sessions(link.stripe_link_id or "", link.stripe_account)
    with recording():
        if closed is not None:
            effect.record_confirmed(closed["id"], {"active": closed["active"]}, real_now())
        for session in sessions:
            stage(expire_session, session["id"], link.id, session["id"])
        if not sessions:
            link.record_retired(real_now())


@job(queue="messages", attempts=10, timeout=20)
def expire_session(link_id: str, session_id: str) -> None:
    """Expire one open session of a retiring link; the last one retires the link."""
    link = PaymentLink.get_by_id(link_id)
    with invoice_lock(link.invoice_id):
        with transaction():
            invoice = lock_invoice(link.invoice_id)
            request = {"session": session_id}
            effect = reserve(SESSION_EXPIRE, session_id, request, invoice, link.stripe_account, "balance changed", "the balance it asked for is gone")
        expired = perform(effect)
        left = [session for session in list_open_sessions(link.stripe_link_id or "", link.stripe_account) if session["id"] != session_id]
        with recording():
            if expired is not None:
                effect.record_confirmed(session_id, {"status": expired["status"]}, real_now())
            if not left and link.state == "retiring":
                link.record_retired(real_now())
