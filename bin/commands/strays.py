"""`strays`: list and release what is at a provider without belonging to an account."""

import click

from actions.deployment.strays.release_stray import place_of, release_stray
from bin.commands.output import acting, moment, say, show_list
from bin.commands.reason import reason_given
from models.deployment.resource import Stray

COLUMNS = ("id", "what", "where", "at the provider", "account", "state", "found", "seen", "detail")


@click.group()
def strays() -> None:
    """Strays: objects at Vapi or Twilio without an account, or ours that are missing there."""


@strays.command("list")
@click.option("--all", "everything", is_flag=True, help="Include closed ones.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_strays(everything: bool, limit: int) -> None:
    """Show strays, newest first."""
    query = Stray.select() if everything else Stray.select().where(Stray.state != "gone")
    if not everything:
        query = query.where(Stray.state != "released")
    show_list(COLUMNS, query.order_by(Stray.id.desc()), _row, limit, "No strays.")


def _row(stray: Stray) -> tuple[object, ...]:
    dates = (moment(stray.found_at), moment(stray.seen_at))
    where = place_of(stray).what
    known = (stray.provider_id, stray.account_id, stray.state)
    return (stray.id, stray.what, where, *known, *dates, stray.detail)


@strays.command()
@click.argument("stray_id")
@click.option(
    "--why", required=True, callback=reason_given, help="How you know; kept in the audit log."
)
def release(stray_id: str, why: str) -> None:
    """Remove STRAY_ID at its provider, once you have looked at it there. You cannot get a released
    number back.
    """
    stray = release_stray(stray_id, acting(), why)
    what = place_of(stray).what
    say(f"{stray.id}: its {what} is being released; strays list --all shows when it is done.")
