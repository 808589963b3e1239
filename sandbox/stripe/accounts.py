"""Connected accounts, as far as invoices on Connect need them."""

from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import Json
from sandbox.stripe.lists import newest_first, page

SHOWN = ("email", "country", "default_currency", "business_type", "business_profile", "type")


def create(account: Account, params: Json) -> Json:
    """``POST /v1/accounts``: the account can take payments at once."""
    made = account.new(
        "account",
        id=account.shared.ids.new("acct", 16),
        **{name: params[name] for name in SHOWN if name in params},
    )
    made["metadata"] = merged({}, params.get("metadata"))
    made["external_accounts"] = page(f"/v1/accounts/{made['id']}/external_accounts", [], {})
    return made


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/accounts/{id}``."""
    made = account.get("account", id)
    changes = {name: params[name] for name in SHOWN if name in params}
    return account.change(
        made,
        "account.updated",
        **changes,
        metadata=merged(made["metadata"], params.get("metadata")),
    )


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/accounts/{id}``."""
    return account.get("account", id)


def retrieve_current(account: Account, params: Json) -> Json:
    """``GET /v1/account``: the account that the key belongs to."""
    return account.tables.get("account", {}).get(account.id) or account.private["self"]


def index(account: Account, params: Json) -> Json:
    """``GET /v1/accounts``."""
    return page("/v1/accounts", newest_first(account, "account", params), params)
