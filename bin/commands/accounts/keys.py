"""`keys`: list, issue and revoke API keys."""

import click

from actions.accounts.keys import issue_key, revoke_key
from bin.commands.accounts.accounts import SAVE_IT
from bin.commands.output import acting, moment, say, show_list
from models.accounts.api_key import ApiKey


@click.group()
def keys() -> None:
    """API keys of accounts and operators."""


@keys.command("list")
@click.option("--account", help="Only keys of this account (ac_…).")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_keys(account: str | None, limit: int) -> None:
    """Show keys, newest first, without their secrets, of which only hashes are stored."""
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
    """Issue another key for ACCOUNT (ac_…). It is shown only once; the account's other keys stay
    valid.
    """
    key, secret = issue_key(account, name, acting())
    say_key(key.id, secret)


def say_key(key_id: str, secret: str) -> None:
    """Print a new key, once."""
    say(f"key id  {key_id}")
    say(f"key     {secret}")
    say(SAVE_IT)


@keys.command()
@click.argument("key_id")
@click.option("--why", default="", help="The reason, for the audit log.")
def revoke(key_id: str, why: str) -> None:
    """Revoke the key KEY_ID (key_…) at once."""
    revoke_key(key_id, why, acting())
    say(f"{key_id} is revoked.")
