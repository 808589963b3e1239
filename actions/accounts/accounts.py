"""Create and find accounts, and change how they collect."""

from typing import Any

from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.contact.contact_course import ContactCourse
from models.transactions import transaction
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.ids import new_id


def find_account(account_id: str) -> Account:
    """Return the account with this id. Raises Refused `not_found`."""
    account: Account | None = Account.get_or_none(Account.id == account_id)
    if account is None:
        raise Refused("not_found", f"There is no account {account_id[:40]}.")
    return account


def create_account(
    name: str, time_zone: str, stripe_account: str | None, actor: str
) -> tuple[Account, str]:
    """Create an account. Return it and the secret of its first API key, which cannot be shown
    again.

    Raises Refused `already_exists` when another account has this Stripe account.
    """
    now = real_now()
    with transaction():
        if stripe_account and Account.get_or_none(Account.stripe_account == stripe_account):
            raise Refused(
                "already_exists",
                f"Stripe account {stripe_account} belongs to another account here already.",
            )
        account = Account.create(
            id=new_id("ac"),
            name=name,
            time_zone=time_zone,
            stripe_account=stripe_account,
            created_at=now,
        )
        key, secret = ApiKey.issue(account, "first key", now)
        AuditEntry.record(actor, "account.created", f"account:{account.id}", account.id)
        AuditEntry.record(actor, "key.issued", f"key:{key.id}", account.id, kind="account")
    return account, secret


def change_settings(account: Account, choices: dict[str, Any], actor: str) -> AccountSettings:
    """Change the settings in `choices`; the others stay. Every customer who owes is re-evaluated,
    because when to contact them may have changed.
    """
    with transaction():
        row = AccountSettings.change(account, choices, real_now())
        ContactCourse.recheck_account(account.id)
        AuditEntry.record(actor, "settings.changed", f"account:{account.id}", account.id, **choices)
    return row
