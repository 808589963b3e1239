"""The id of a connected Stripe account, as accepted by the API and the commands."""

import re

SHAPE = r"^acct_[A-Za-z0-9_]{1,64}$"
_ID = re.compile(SHAPE.strip("^$"))


class BadAccountId(ValueError):
    """A value is not an account id; the message says why, what is accepted, and what to do."""


def read_account_id(value: object) -> str:
    """Return the id if it is valid, without surrounding spaces or line breaks. Raises BadAccountId.

    An empty string is invalid; None, which callers handle, means that the clinic has no account of
    its own.
    """
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    wrong = "is empty" if value == "" else "is not the id of a Stripe account"
    raise BadAccountId(
        f"{wrong}; acct_ with letters and digits after it is accepted; copy it from Stripe's"
        " dashboard (Connect, accounts), or leave it out for a clinic without one"
    )
