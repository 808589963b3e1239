"""A payer without a browser, for use in process."""

from sandbox.stripe import checkout_sessions, payment_links
from sandbox.stripe.actions import owner_of
from sandbox.stripe.checkout_payment import Payer, submit
from sandbox.stripe.errors import Json, unexpected
from sandbox.stripe.provider import Stripe


def visit(stripe: Stripe, url: str) -> Json:
    """Open a link's URL and return the new session; raises ``ApiError`` if no open link has it."""
    token = url.rpartition("/")[2]
    with stripe.shared.lock:
        for account in stripe.accounts.values():
            link = payment_links.by_token(account, token)
            if link and payment_links.is_open(link):
                return checkout_sessions.visit(account, link)
    raise unexpected(f"No open link at {url}")


def pay(
    stripe: Stripe,
    session_id: str,
    *,
    card_number: str = "",
    payment_method: str = "",
    email: str | None = None,
) -> Json:
    """Submit a session's payment form; raises the 402 of a decline."""
    with stripe.shared.lock:
        stripe.shared.tick()
        account, session = owner_of(stripe, session_id)
        return submit(account, session, Payer(card_number, payment_method, email))
