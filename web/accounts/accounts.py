"""Accounts: made by operators; each gets a key that is shown once."""

from typing import Any

import falcon

from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from runtime.clock import real_now
from runtime.ids import new_id
from web.http.auth import caller_of
from web.http.body import Body, check
from web.http.fields import Id, Name, TimeZone
from web.http.idempotency import idempotent
from web.http.problems import Problem
from web.invoices.answers import AccountMade, AccountShown
from web.invoices.shapes import show_account
from web.openapi.openapi import documented


class NewAccount(Body):
    """A clinic."""

    name: Name
    time_zone: TimeZone = "America/New_York"
    stripe_account: Id | None = None


class Accounts:
    """`/api/accounts`"""

    @documented("Accounts", {201: AccountMade}, body=NewAccount, auth="operator")
    @idempotent
    def on_post(self, req: falcon.Request, resp: falcon.Response, document: Any) -> None:
        """Create an account and its first API key."""
        caller = caller_of(req)
        if not caller.operator:
            raise Problem("forbidden", "Only an operator's key may create accounts.")
        wanted = check(NewAccount, document)
        now = real_now()
        account = Account.create(
            id=new_id("ac"),
            name=wanted.name,
            time_zone=wanted.time_zone,
            stripe_account=wanted.stripe_account,
            created_at=now,
        )
        key, secret = ApiKey.issue(account, "first key", now)
        AuditEntry.record(caller.actor, "account.created", f"account:{account.id}", account.id)
        AuditEntry.record(caller.actor, "key.issued", f"key:{key.id}", account.id, kind="account")
        resp.status = falcon.HTTP_201
        resp.media = show_account(account) | {"key": secret}
        resp.set_header("Location", f"/api/accounts/{account.id}")


class OneAccount:
    """`/api/accounts/{account_id}`"""

    @documented("Accounts", {200: AccountShown})
    def on_get(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """The account, to itself and to operators."""
        resp.media = show_account(find_account(req, account_id))


def find_account(req: falcon.Request, account_id: str) -> Account:
    """The account of this id, if it is the caller's own or the caller an operator. Raises Problem
    404.
    """
    caller = caller_of(req)
    account = Account.get_or_none(Account.id == account_id)
    if account is None or not (
        caller.operator or (caller.account and caller.account.id == account_id)
    ):
        raise Problem("not_found", f"There is no account {account_id[:40]}.")
    return account
