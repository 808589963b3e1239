"""Asking Stripe again about what it said in a word that is not known here, or did not say."""

from models.delivery.stage import stage_again

# seconds: what Stripe has just said, it would say again
AFTER = 10.0


def ask_again(tells: str, object_id: str, stripe_account: str, account_id: str = "") -> None:
    """Stage a look at a `payment` (by its intent), a `refund` or a `dispute`, in the turn of the
    account whose it is, if that is known. In the open transaction.
    """
    key = f"{tells}:{object_id}"
    said = (tells, object_id, stripe_account)
    stage_again("ask_stripe_again", key, *said, fair_to=account_id, delay=AFTER)
