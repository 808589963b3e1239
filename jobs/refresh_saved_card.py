"""Read a clinic's saved card at Stripe, and refresh it or mark it as no longer verified.

Twice is harmless: it only reads, and stores what it reads.
"""

from actions.deployment.card.refresh_card import refresh_card
from delivery.attempt import recording
from delivery.registry import job


@job(queue="webhooks", calls_out=True, attempts=8, timeout=20)
def refresh_saved_card(account_id: str) -> None:
    """Read the card of account `account_id`."""
    write = refresh_card(account_id)
    with recording():
        write()
