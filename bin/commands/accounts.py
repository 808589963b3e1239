"""`account`: create clinics and their first API keys."""

from zoneinfo import available_timezones

import click
from peewee import IntegrityError

from bin.commands.output import acting, moment, say, show_list
from models.accounts.account import Account
from models.accounts.api_key import ApiKey
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from rules.stripe_account import BadAccountId, read_account_id
from runtime.clock import real_now
from runtime.errors import NotAllowed
from runtime.ids import new_id


@click.group()
def account() -> None:
    """Accounts: one per clinic."""


def _zone(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value not in available_timezones():
        raise click.BadParameter(f"{value!r} is not an IANA time zone such as America/New_York.")
    return value


def _stripe_account(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return read_account_id(value)
    except BadAccountId as error:
        raise click.BadParameter(f"{value[:40]!r} {error}.") from None


def _name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.strip() or len(value) > 200:  # noqa: PLR2004 - as the API has it
        raise click.BadParameter("a name must have 1 to 200 characters.")
    return value.strip()


@account.command()
@click.argument("name", callback=_name)
@click.option(
    "--time-zone",
    default="America/New_York",
    show_default=True,
    callback=_zone,
    help="IANA name of the clinic's time zone.",
)
@click.option(
    "--stripe-account",
    callback=_stripe_account,
    help="The clinic's own connected account at Stripe, acct_….",
)
def create(name: str, time_zone: str, stripe_account: str | None) -> None:
    """Create an account. Prints its id and its key. The key is shown only once."""
    now, actor = real_now(), acting()
    try:
        with transaction():
            made = Account.create(
                id=new_id("ac"),
                name=name,
                time_zone=time_zone,
                stripe_account=stripe_account,
                created_at=now,
            )
            key, secret = ApiKey.issue(made, "first key", now)
            AuditEntry.record(actor, "account.created", f"account:{made.id}", made.id)
            AuditEntry.record(actor, "key.issued", f"key:{key.id}", made.id, kind="account")
    except IntegrityError:
        raise NotAllowed(
            f"Stripe account {stripe_account} belongs to another account here already."
        ) from None
    say(f"account  {made.id}")
    say(f"key      {secret}")
    say("Save the key now: only its hash is stored, so it cannot be shown again.")


@account.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_accounts(limit: int) -> None:
    """Show accounts, newest first."""
    query = Account.select().order_by(Account.created_at.desc(), Account.id.desc())
    show_list(
        ("id", "name", "time zone", "Stripe account", "made"),
        query,
        _row,
        limit,
        "No accounts yet.",
    )


def _row(row: Account) -> tuple[object, ...]:
    return (
        row.id,
        row.name,
        row.time_zone,
        row.stripe_account or "platform",
        moment(row.created_at),
    )
