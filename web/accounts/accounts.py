"""Accounts: created by operators; each gets an API key that is shown once."""

from typing import Any

import falcon

from actions.accounts.accounts import create_account, find_account
from models.accounts.account import Account
from runtime.errors import Refused
from web.accounts.responses import AccountMade
from web.http.body import Body, check
from web.http.fields import Name, StripeAccountId, TimeZone
from web.http.guards.auth import caller_of, need, scope_for
from web.http.idempotency import idempotent
from web.openapi.openapi import documented


class NewAccount(Body):
    """A clinic."""

    name: Name
    time_zone: TimeZone = "America/New_York"
    stripe_account: StripeAccountId | None = None


class Accounts:
    """`/api/accounts`"""

    @documented(
        "Accounts",
        {201: AccountMade},
        body=NewAccount,
        problems=("already_exists",),
        auth="operator",
    )
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Create an account and its first API key."""
        caller = caller_of(req)
        caller.need_admin()
        wanted = check(NewAccount, document)
        account, secret = create_account(
            wanted.name, wanted.time_zone, wanted.stripe_account, caller.actor
        )
        resp.status = falcon.HTTP_201
        resp.media = AccountMade.show(account, key=secret)
        resp.set_header("Location", f"/api/accounts/{account.id}")


def account_of(req: falcon.Request, account_id: str) -> Account:
    """The account with this id, if it is the caller's own or one that the operator has rights in.
    Raises Refused `not_found` or `forbidden`.
    """
    caller, account = caller_of(req), find_account(account_id)
    if caller.rights is not None:
        need(caller.rights, scope_for(req), account.id)
    elif caller.own.id != account.id:
        raise Refused("not_found", f"There is no account {account_id[:40]}.")
    return account
