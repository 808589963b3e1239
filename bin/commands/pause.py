"""`pause`, `resume`, `brakes` and `ceiling`: stop or limit what one account, or all of them, may
do.
"""

import click

from bin.commands.output import acting, moment, say, say_database, show_table
from models.accounts.account import Account
from models.effects.daily_limit import LIMITED, DailyCeiling, Limited, ceiling_of, tally_of
from models.effects.pause_switch import ALL, PAUSABLE, Pausable, PauseSwitch, paused
from runtime.clock import business_now

MOST = 2**31 - 1  # of a ceiling: PostgreSQL's integers end there

_what = click.argument("what", type=click.Choice(PAUSABLE))
_account = click.option("--account", help="Only this account (ac_…); default: all accounts.")


def _scope(account: str | None) -> str:
    if account is not None and Account.get_or_none(Account.id == account) is None:
        raise click.BadParameter(f"there is no account {account!r}.", param_hint="--account")
    return account or ALL


@click.command()
@_what
@_account
@click.option("--why", default="", help="The reason, for the audit log and for other operators.")
def pause(what: Pausable, account: str | None, why: str) -> None:
    """Pause texts, charges or calls. What has already been decided still goes out.

    Pausing charges does not stop refunds or payments that people make on Stripe's pages.
    """
    scope = _scope(account)
    target = f"{what} of {account or 'all accounts'}"
    say(
        f"Paused: {target}."
        if PauseSwitch.set(scope, what, True, acting(), why)
        else f"Already paused: {target}."
    )
    say_database()


@click.command()
@_what
@_account
@click.option("--why", default="", help="The reason, for the audit log.")
def resume(what: Pausable, account: str | None, why: str) -> None:
    """Resume texts, charges or calls."""
    scope = _scope(account)
    target = f"{what} of {account or 'all accounts'}"
    say(
        f"Resumed: {target}."
        if PauseSwitch.set(scope, what, False, acting(), why)
        else f"Not paused: {target}."
    )
    say_database()
    if account and paused(account, what):
        say(f"However, {what} are paused for all accounts: bin/payphone resume {what}")


@click.command()
def brakes() -> None:
    """Show what is paused, by whom and why."""
    rows = (
        PauseSwitch.select()
        .where(PauseSwitch.paused)
        .order_by(PauseSwitch.what, PauseSwitch.account_id)
    )
    shown = (
        (row.what, row.account_id or "all accounts", row.by, moment(row.at), row.why)
        for row in rows
    )
    show_table(("paused", "account", "by", "at", "why"), shown, "Nothing is paused.")
    say_database()


@click.command()
@click.argument("what", type=click.Choice(LIMITED))
@click.option("--account", required=True, help="The account (ac_…).")
@click.option(
    "--set", "number", type=click.IntRange(0, MOST), help="Set the account's own ceiling."
)
@click.option(
    "--default",
    "by_setting",
    is_flag=True,
    help="Remove the account's own ceiling; DAILY_CEILINGS applies again.",
)
def ceiling(what: Limited, account: str, number: int | None, by_setting: bool) -> None:
    """Show or change how many texts, charges, calls, files or trial chats an account may have per
    day (in its time zone).
    """
    row = Account.get_by_id(_scope(account))
    if number is not None and by_setting:
        raise click.UsageError("Use --set or --default, not both.")
    if number is not None or by_setting:
        DailyCeiling.change(account, what, number, acting())
    say(
        f"{account}: {tally_of(row, what, business_now())} of {ceiling_of(account, what)} {what}"
        " today."
    )
