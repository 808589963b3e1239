"""A link of a balance that is gone takes no visitors any more, and its open sessions are expired.

Twice is harmless: a link that is inactive stays so. A session that was completed first has been paid, and counts.
"""

from delivery.attempt import Snooze, recording
from delivery.registry import job
from effects.perform import perform
from effects.reserve import reserve
from effects.stripe_intents import LINK_DEACTIVATE, SESSION_EXPIRE
from models.base import transaction
from models.effect import Effect
from models.payment_link import PaymentLink
from providers.stripe_intents import list_open_sessions
from runtime.clock import real_now

AT_ONCE = 5  # sessions expired in one attempt, so that it fits its time
WHY = ("balance changed", "the balance it asked for is gone")


@job(queue="webhooks", attempts=16, timeout=20)
def retire_payment_link(link_id: str) -> None:
    """Close the link of row `link_id`."""
    link = PaymentLink.get_by_id(link_id)
    if link.state != "retiring" or link.stripe_link_id is None:
        return
    with transaction():
        effect = reserve(LINK_DEACTIVATE, link.id, {"link": link.stripe_link_id}, link.invoice, link.stripe_account, *WHY)
    closed = perform(effect)
    for session in list_open_sessions(link.stripe_link_id, link.stripe_account)[:AT_ONCE]:
        _expire(link, session["id"])
    left = list_open_sessions(link.stripe_link_id, link.stripe_account)
    with transaction() if left else recording():
        if closed is not None:
            effect.record_confirmed(closed["id"], {"id": closed["id"], "active": False}, real_now())
        if not left:
            link.record_retired(real_now())
    if left:
        raise Snooze(f"{len(left)} sessions of link {link.id} can still be paid", 1.0)


def _expire(link: PaymentLink, session_id: str) -> None:
    """Expire one session; a refusal means that it was completed or expired meanwhile."""
    with transaction():
        effect: Effect = reserve(SESSION_EXPIRE, session_id, {"session": session_id}, link.invoice, link.stripe_account, *WHY)
    expired = perform(effect)
    if expired is not None:
        effect.record_confirmed(session_id, {"id": session_id, "status": "expired"}, real_now())
