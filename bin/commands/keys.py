"""`keys`: which API keys there are, a new one for an account, and taking one back."""

import click

from bin.commands.output import acting, moment, say, show_list
from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from runtime.clock import real_now
from runtime.errors import NotAllowed


@click.group()
def keys() -> None:
    """API keys: of accounts, and of operators."""


@keys.command("list")
@click.option("--account", help="Only keys of this account (ac_…).")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_keys(account: str | None, limit: int) -> None:
    """Show keys, newest first; never the keys themselves, of which only hashes are stored."""
    query = ApiKey.select().order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    if account:
        query = query.where(ApiKey.account == account)
    show_list(("id", "account", "name", "issued", "revoked"), query, _row, limit, "No keys.")


def _row(key: ApiKey) -> tuple[object, ...]:
    return (
        key.id,
        key.account_id or "any (operator)",
        key.name,
        moment(key.created_at),
        moment(key.revoked_at),
    )


@keys.command()
@click.argument("account")
@click.option("--name", default="key", show_default=True, help="What it is for.")
def issue(account: str, name: str) -> None:
    """Issue another key of ACCOUNT (ac_…), printed this once only;
    those it has go on being good.
    """
    row = Account.get_or_none(Account.id == account)
    if row is None:
        raise NotAllowed(f"There is no account {account}.")
    with transaction():
        made, secret = ApiKey.issue(row, name, real_now())
        AuditEntry.record(acting(), "key.issued", f"key:{made.id}", row.id, kind="account")
    say(f"key id  {made.id}")
    say(f"key     {secret}")
    say("Save the key now: only its hash is stored, so it cannot be shown again.")


@keys.command()
@click.argument("key_id")
@click.option("--why", default="", help="For the audit.")
def revoke(key_id: str, why: str) -> None:
    """Let the key KEY_ID (key_…) open nothing from now on."""
    with transaction():
        row = ApiKey.get_or_none(ApiKey.id == key_id)
        if row is None:
            raise NotAllowed(f"There is no key {key_id}. See bin/payphone keys list.")
        if not row.revoke(real_now()):
            raise NotAllowed(f"{key_id} was revoked already.")
        AuditEntry.record(acting(), "key.revoked", f"key:{row.id}", row.account_id, why=why)
    say(f"{key_id} opens nothing any more.")
