"""Close a link for an outdated balance, expire its open sessions, and count what was paid through
it.

Twice is harmless: a closed link stays closed. It counts as retired only once nobody can pay through
it and every payment made through it is in our books, whether or not its event has arrived: another
charge may be waiting for just that.
"""

from typing import Any

from actions.payments.record_intent import record_intent
from delivery.attempt import Snooze, recording
from delivery.registry import job
from effects.payments.link import LINK_DEACTIVATE, SESSION_EXPIRE
from effects.perform import perform
from effects.reserve import reserve_again
from models.accounts.audit_entry import SYSTEM
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from models.payments.payment_link import PaymentLink
from models.transactions import serialize_on, transaction
from providers.stripe.events import read_intent
from providers.stripe.intents import get_intent, list_sessions
from runtime.clock import real_now
from runtime.errors import NotYet

AT_ONCE = 20  # sessions expired per attempt, to stay within its timeout
PATIENCE = 60.0  # most seconds between tries to expire a session that Stripe refuses
WHY = "balance changed", "the invoice's balance changed"

Json = dict[str, Any]


@job(queue="webhooks", calls_out=True, attempts=16, timeout=20)
def retire_payment_link(link_id: str) -> None:
    """Close the link of row `link_id`."""
    link = PaymentLink.get_by_id(link_id)
    if link.state != "retiring" or link.stripe_link_id is None:
        return
    effect, closed = _deactivate(link)
    if closed is None or closed.get("by_hand"):  # not at Stripe, or settled by hand
        with recording():
            link.record_retired(real_now())
        return
    refusals = [_expire(link, session_id) for session_id in _to_expire(link)[:AT_ONCE]]
    left = list_sessions(link.stripe_link_id, "open", link.stripe_account) if refusals else []
    paid = [] if left else _paid_intents(link)
    with transaction() if left else recording():
        for intent in paid:
            serialize_on(intent["id"])
        invoice = Invoice.locked(link.invoice_id)
        effect.record_confirmed(closed["id"], {"id": closed["id"], "active": False}, real_now())
        for intent in paid:
            record_intent(
                invoice, link.stripe_account, read_intent(intent), SYSTEM, link_id=link.id
            )
        if not left:
            link.record_retired(real_now())
    if left:
        raise Snooze(
            f"{len(left)} sessions of link {link.id} can still be paid",
            min(PATIENCE, 2.0 ** max(refusals)),
        )


def _deactivate(link: PaymentLink) -> tuple[Effect, Json | None]:
    """Close the link to new visitors. Returns its effect, and the link or None if Stripe has none.
    Raises NotYet if Stripe refuses to close it.
    """
    with transaction():
        effect = reserve_again(
            LINK_DEACTIVATE,
            link.id,
            {"link": link.stripe_link_id},
            link.invoice,
            link.stripe_account,
            *WHY,
        )
    closed = perform(effect)
    if closed is None and effect.error_code != "resource_missing":
        raise NotYet(f"Stripe refused to close link {link.id}: {effect.error}")
    return effect, closed


def _to_expire(link: PaymentLink) -> list[str]:
    """The ids of the link's open sessions, and of those that an interrupted attempt has tried to
    expire with an unknown outcome.
    """
    unsettled = Effect.unsettled(SESSION_EXPIRE.name, link.id, link.invoice_id)
    sessions = list_sessions(link.stripe_link_id or "", "open", link.stripe_account)
    ids = [*(effect.request["session"] for effect in unsettled), *(each["id"] for each in sessions)]
    return list(dict.fromkeys(ids))


def _expire(link: PaymentLink, session_id: str) -> int:
    """Expire one session, and return how often Stripe has refused that: it might have been
    completed, or a payer might be paying just now.
    """
    subject = f"{link.id}:{session_id}"
    with transaction():
        effect = reserve_again(
            SESSION_EXPIRE,
            subject,
            {"session": session_id},
            link.invoice,
            link.stripe_account,
            *WHY,
        )
    expired = perform(effect)
    if expired is not None:
        effect.record_confirmed(session_id, {"id": session_id, "status": "expired"}, real_now())
    return Effect.refusals(SESSION_EXPIRE.name, subject, link.invoice_id)


def _paid_intents(link: PaymentLink) -> list[Json]:
    """The intents of the link's completed sessions, sorted so that every job locks them in the same
    order. There is at most one, because the link allows one completed session.
    """
    sessions = list_sessions(link.stripe_link_id or "", "complete", link.stripe_account)
    ids = sorted(session["payment_intent"] for session in sessions if session.get("payment_intent"))
    return [get_intent(intent_id, link.stripe_account) for intent_id in ids]
