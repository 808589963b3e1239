"""When a card expires, and the wording for a card that can no longer be charged; pure."""

from datetime import UTC, datetime, timedelta

ANYWHERE = timedelta(hours=12)  # until the month is over everywhere on earth
DECEMBER = 12

EXPIRED = "The card has expired. Add another payment method."
REMOVED = "The card was removed at Stripe. Add a payment method again."
OTHER_MODE = (
    "The card was saved in Stripe's other mode, test or live, and cannot be charged in this one."
    " Add a payment method again."
)
FORGOTTEN = (
    "The clinic's customer record at Stripe was deleted, and its card with it. Add a payment method"
    " again."
)


def good_until(month: int, year: int) -> datetime:
    """The end of a card's expiry month."""
    following = (year + 1, 1) if month == DECEMBER else (year, month + 1)
    return datetime(*following, 1, tzinfo=UTC) + ANYWHERE
