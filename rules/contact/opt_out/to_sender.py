"""What a text to a sender means for an account that it is not recorded for.

The sender may have been another clinic's, or nobody's, when the text came.
"""

from datetime import datetime


def counts_for_account(wish: str, said_at: datetime, told_at: datetime | None) -> bool:
    """Whether the latest `wish` sent to an account's sender, a "stop" or "start" of `said_at`,
    applies to the account. `told_at` is when the person last told the account itself, if ever.

    A stop applies unless the person has told the account otherwise since. A start does not: it ends
    earlier stops to the sender, and nothing that the account was told.
    """
    return wish == "stop" and (told_at is None or said_at >= told_at)
