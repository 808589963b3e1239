"""A clinic's saved card is read at Stripe: refreshed, or not verified any more.

Twice is harmless: it only reads, and what it reads is what is kept.
"""

from actions.deployment.card.refresh_card import refresh_card
from delivery.attempt import recording
from delivery.registry import job


@job(queue="webhooks", calls_out=True, attempts=8, timeout=20)
def refresh_saved_card(account_id: str) -> None:
    """Look at the card of account `account_id`."""
    write = refresh_card(account_id)
    with recording():
        write()
