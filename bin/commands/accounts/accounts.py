"""`account`: create clinics and their first API keys."""

from zoneinfo import available_timezones

import click

from actions.accounts.accounts import create_account
from bin.commands.output import acting, moment, say, show_list
from models.accounts.account import Account
from rules.stripe_account import BadAccountId, read_account_id

SAVE_IT = "Save the key now: only its hash is stored, so it cannot be shown again."


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
    made, secret = create_account(name, time_zone, stripe_account, acting())
    say(f"account  {made.id}")
    say(f"key      {secret}")
    say(SAVE_IT)


@account.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_accounts(limit: int) -> None:
    """Show accounts, newest first."""
    query = Account.select().order_by(Account.created_at.desc(), Account.id.desc())
    show_list(
        ("id", "name", "time zone", "Stripe account", "created"),
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
