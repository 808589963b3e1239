"""An operator's rights: view, act or administer, in all accounts or in some."""

from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["view", "act", "admin"]  # each includes those before it
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class MissingRight:
    """What an operator lacks: `missing` for programs (a scope, an account id, or `all_accounts`),
    `reason` for people.
    """

    missing: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rights:
    """One operator's rights. `accounts`: the ids of the accounts they cover; None: all."""

    scope: Scope = "admin"
    accounts: frozenset[str] | None = None

    def missing_right(self, needed: Scope, account_id: str | None = None) -> MissingRight | None:
        """What is missing for an operation that needs a scope in one account, or in all (None)."""
        if SCOPES.index(self.scope) < SCOPES.index(needed):
            return MissingRight(needed, f"This needs the scope {needed}; yours is {self.scope}.")
        if self.accounts is None or account_id in self.accounts:
            return None
        if account_id is None:
            return MissingRight(
                "all_accounts",
                "This concerns all accounts, and you may act for some only. In the API, name one of"
                " yours in the Payphone-Account header.",
            )
        return MissingRight(account_id, f"Account {account_id} is not among those you may act for.")
