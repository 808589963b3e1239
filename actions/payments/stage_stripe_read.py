"""Ask Stripe again about an object whose reported state was missing or unknown to us."""

from models.delivery.stage import stage_again

# seconds; asked at once, Stripe would only repeat its answer
AFTER = 10.0


def stage_stripe_read(
    tells: str, object_id: str, stripe_account: str, account_id: str = ""
) -> None:
    """Stage a read of a `payment` (by its intent), a `refund` or a `dispute` from Stripe, in the
    turn of the account it belongs to, if known. Needs an open transaction.
    """
    key = f"{tells}:{object_id}"
    arguments = (tells, object_id, stripe_account)
    stage_again("ask_stripe_again", key, *arguments, fair_to=account_id, delay=AFTER)
