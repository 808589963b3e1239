"""The id of a connected account at Stripe, as the API and the commands take it."""

import re

SHAPE = r"^acct_[A-Za-z0-9_]{1,64}$"
_ID = re.compile(SHAPE.strip("^$"))


class BadAccountId(ValueError):
    """A value is no account's id; the message says why, what is accepted, and what to do."""


def read_account_id(value: object) -> str:
    """The id itself, without anything around it: no spaces, no line breaks. Raises BadAccountId.

    None is another thing: the clinic has no account of its own. An empty text is nothing at all.
    """
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    wrong = "is empty" if value == "" else "is not the id of a Stripe account"
    raise BadAccountId(
        f"{wrong}; acct_ with letters and digits after it is accepted; copy it from Stripe's"
        " dashboard (Connect, accounts), or leave it out for a clinic without one"
    )
