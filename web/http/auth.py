"""Who is asking: an account by its key, or an operator who may name any account."""

from dataclasses import dataclass

import falcon

from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from web.http.problems import Problem

ACCOUNT_HEADER = "Payphone-Account"


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller. `account` is None for an operator who has named none."""

    key_id: str
    account: Account | None
    operator: bool

    @property
    def actor(self) -> str:
        """The caller as the audit names it."""
        return f"key:{self.key_id}"

    @property
    def own(self) -> Account:
        """The account this request is about. Raises Problem 400 for an operator who named none."""
        if self.account is None:
            raise Problem("bad_request", f"Name the account in the {ACCOUNT_HEADER} header.")
        return self.account


def bearer_of(req: falcon.Request) -> str:
    """The key that the request brings, right or wrong; empty when it brings none."""
    scheme, _, secret = (req.auth or "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def authenticate(req: falcon.Request) -> Caller:
    """The caller of `Authorization: Bearer <key>`. Raises Problem 401 or 404."""
    secret = bearer_of(req)
    key = ApiKey.find(secret) if secret else None
    if key is None:
        raise Problem(
            "unauthenticated",
            "Send Authorization: Bearer <key>.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if key.account_id is not None:
        return Caller(key.id, key.account, operator=False)
    named = req.get_header(ACCOUNT_HEADER)
    account = Account.get_or_none(Account.id == named) if named else None
    if named and account is None:
        raise Problem("not_found", f"There is no account {named[:40]}.")
    return Caller(key.id, account, operator=True)


def caller_of(req: falcon.Request) -> Caller:
    """The caller, authenticated once per request."""
    if not hasattr(req.context, "caller"):
        req.context.caller = authenticate(req)
    caller: Caller = req.context.caller
    return caller
