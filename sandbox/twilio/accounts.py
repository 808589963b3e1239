"""Accounts: only read, to check whether credentials are valid."""

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json
from sandbox.twilio.parameters import Form


def retrieve(books: Books, account: str, form: Form) -> Json:
    """``GET …/Accounts/{Sid}.json``, with the fields that Twilio shows, including the token."""
    date, uri = books.date(), f"/2010-04-01/Accounts/{account}"
    return {
        "auth_token": books.tokens[account],
        "date_created": date,
        "date_updated": date,
        "friendly_name": "Stand-in",
        "owner_account_sid": account,
        "sid": account,
        "status": books.standing.get(account, "active"),
        "subresource_uris": {"messages": f"{uri}/Messages.json"},
        "type": books.kinds.get(account, "Full"),
        "uri": f"{uri}.json",
    }
