"""Stripe's PaymentIntents and Checkout Sessions: create, change, confirm, cancel, fetch."""

from itertools import islice
from typing import Literal

from providers.stripe.client import PAGE, Json, client, mapped_errors, options, plain

DEEP = 1000  # how many recent intents a search by tag looks through


def create_intent(request: Json, stripe_account: str, key: str) -> Json:
    """Create an unconfirmed PaymentIntent; this moves no money."""
    with mapped_errors():
        intents = client().v1.payment_intents
        made = intents.create(request, options(stripe_account, key))  # type: ignore[arg-type]
        return plain(made)


def update_intent(intent_id: str, request: Json, stripe_account: str, key: str) -> Json:
    """Change an unconfirmed intent, such as its amount."""
    with mapped_errors():
        intents = client().v1.payment_intents
        how = options(stripe_account, key)
        changed = intents.update(intent_id, request, how)  # type: ignore[arg-type]
        return plain(changed)


def confirm_intent(intent_id: str, request: Json, stripe_account: str, key: str) -> Json:
    """Charge the intent's payment method, now."""
    with mapped_errors():
        intents = client().v1.payment_intents
        how = options(stripe_account, key)
        confirmed = intents.confirm(intent_id, request, how)  # type: ignore[arg-type]
        return plain(confirmed)


def cancel_intent(intent_id: str, stripe_account: str, key: str) -> Json:
    """Cancel the intent, so that it can take no more money."""
    with mapped_errors():
        return plain(
            client().v1.payment_intents.cancel(intent_id, {}, options(stripe_account, key))
        )


def get_intent(intent_id: str, stripe_account: str = "") -> Json:
    """Fetch the intent in its current state. Raises ProviderError, code `resource_missing`, if it
    does not exist.
    """
    with mapped_errors():
        return plain(client().v1.payment_intents.retrieve(intent_id, None, options(stripe_account)))


def find_intent(attempt_id: str, stripe_account: str, since: int) -> Json | None:
    """Find the intent that carries `attempt_id`, created at or after `since` (epoch seconds)."""
    with mapped_errors():
        intents = (
            client()
            .v1.payment_intents.list(
                {"limit": PAGE, "created": {"gte": since}}, options(stripe_account)
            )
            .auto_paging_iter()
        )
        recent = (plain(intent) for intent in islice(intents, DEEP))
        return next(
            (
                intent
                for intent in recent
                if (intent.get("metadata") or {}).get("attempt_id") == attempt_id
            ),
            None,
        )


def deactivate_link(link_id: str, stripe_account: str, key: str) -> Json:
    """Close a payment link to new visitors."""
    with mapped_errors():
        return plain(
            client().v1.payment_links.update(
                link_id, {"active": False}, options(stripe_account, key)
            )
        )


def list_sessions(
    link_id: str, status: Literal["open", "complete"], stripe_account: str = ""
) -> list[Json]:
    """List the newest sessions of a link with this status, at most one page. An open session can
    still be paid.
    """
    with mapped_errors():
        sessions = client().v1.checkout.sessions.list(
            {"payment_link": link_id, "status": status, "limit": PAGE}, options(stripe_account)
        )
        return [plain(session) for session in sessions.data]


def expire_session(session_id: str, stripe_account: str, key: str) -> Json:
    """Expire an open session. Refused if it was completed first: then that payment counts."""
    with mapped_errors():
        return plain(
            client().v1.checkout.sessions.expire(session_id, {}, options(stripe_account, key))
        )


def get_session(session_id: str, stripe_account: str = "") -> Json:
    """Fetch a Checkout Session in its current state."""
    with mapped_errors():
        return plain(
            client().v1.checkout.sessions.retrieve(session_id, None, options(stripe_account))
        )
