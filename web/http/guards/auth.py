"""Authenticates the caller and checks their rights.

An account authenticates with its key; an operator with a key or a browser session, and may name any
account that they have rights in.
"""

from dataclasses import dataclass, field

import falcon

from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.accounts.operator_session import OperatorSession
from rules.operator_rights import Rights, Scope
from runtime.errors import Refused
from web.http.guards.sessions import check_csrf, session_of
from web.http.problems import Problem

ACCOUNT_HEADER = "Payphone-Account"
CSRF_HEADER = "X-CSRF-Token"
READING = frozenset({"GET", "HEAD"})
# read-only, and POST only because the question does not fit a URL
ASKING = frozenset({"/api/compliance/evaluate"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller.

    `account` is None for an operator who has named none; `rights` is None for an account's own key.
    `secret` is known to the caller only: the key, or the session's token.
    """

    id: str
    actor: str
    account: Account | None
    rights: Rights | None
    secret: str = field(repr=False)

    @property
    def operator(self) -> bool:
        """Whether the caller is an operator, for any account."""
        return self.rights is not None

    @property
    def own(self) -> Account:
        """The account this request is about. Raises Problem 400 for an operator who named none."""
        if self.account is None:
            raise Problem("bad_request", f"Name the account in the {ACCOUNT_HEADER} header.")
        return self.account

    @property
    def rules_all(self) -> bool:
        """Whether the caller is an operator with admin rights in every account."""
        return self.rights is not None and self.rights.missing_right("admin") is None

    def need_admin(self) -> None:
        """Raises Refused `forbidden` unless an operator with admin rights in every account
        calls.
        """
        if self.rights is None:
            raise Refused("forbidden", "Only an operator may do this.", missing="admin")
        need(self.rights, "admin")


def need(rights: Rights, scope: Scope, account_id: str | None = None) -> None:
    """Raises Refused `forbidden`, naming the missing right, unless `rights` include `scope` in one
    account, or in all accounts (None).
    """
    right = rights.missing_right(scope, account_id)
    if right is not None:
        raise Refused("forbidden", right.reason, missing=right.missing)


def scope_for(req: falcon.Request) -> Scope:
    """The scope that a request needs, by its method and route: `view` or `act`."""
    return "view" if req.method in READING or req.uri_template in ASKING else "act"


def bearer_of(req: falcon.Request) -> str:
    """The bearer key that the request carries, valid or not; empty if it carries none."""
    scheme, _, secret = (req.auth or "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def authenticate(req: falcon.Request) -> Caller:
    """The caller, by `Authorization: Bearer <key>` or else by the session cookie. Raises Problem
    401 or 404, or 403 for a session without its CSRF token or for missing rights.

    A key takes precedence: no other site can make a browser send one.
    """
    secret = bearer_of(req)
    session = None if req.auth else session_of(req)
    if session is not None:
        return _by_session(req, session)
    key = ApiKey.find(secret) if secret else None
    if key is None:
        raise Problem(
            "unauthenticated",
            "Send Authorization: Bearer <key>.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    actor = f"key:{key.id}"
    if key.account_id is None:
        return Caller(key.id, actor, _named_account(req), Rights(), secret)
    named = req.get_header(ACCOUNT_HEADER)
    if named and named != key.account_id:
        raise _no_such_account(named)
    return Caller(key.id, actor, key.account, None, secret)


def _by_session(req: falcon.Request, session: OperatorSession) -> Caller:
    if req.method not in READING:
        check_csrf(req, req.get_header(CSRF_HEADER) or "", session.csrf_token)
    account = _named_account(req)
    need(session.rights, scope_for(req), account.id if account else None)
    actor = f"operator:{session.name}"
    return Caller(actor, actor, account, session.rights, req.context.session_token)


def _named_account(req: falcon.Request) -> Account | None:
    named = req.get_header(ACCOUNT_HEADER)
    account = Account.get_or_none(Account.id == named) if named else None
    if named and account is None:
        raise _no_such_account(named)
    return account


def _no_such_account(named: str) -> Problem:
    return Problem("not_found", f"There is no account {named[:40]}.")


def caller_of(req: falcon.Request) -> Caller:
    """The caller, authenticated once per request."""
    if not hasattr(req.context, "caller"):
        req.context.caller = authenticate(req)
    caller: Caller = req.context.caller
    return caller
