"""`calls`: settle calls in doubt, of which it is unknown whether they were placed or have ended."""

import click

from actions.calling.end_by_hand import ENDED, NEVER_PLACED, end_by_hand
from bin.commands.output import acting, moment, say, show_list
from models.calling.call import Call

COLUMNS = ("id", "direction", "to", "at Vapi", "attempted", "error")


@click.group()
def calls() -> None:
    """Calls in doubt: list them, and settle them once you have checked."""


@calls.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_calls(limit: int) -> None:
    """Show the calls in doubt, newest first."""
    in_doubt = Call.select().where(Call.state == "unknown").order_by(Call.updated_at.desc())
    show_list(COLUMNS, in_doubt, _row, limit, "No call is in doubt.")


def _row(call: Call) -> tuple[object, ...]:
    about = (call.vapi_id, moment(call.attempted_at), call.error)
    return (call.id, call.direction, call.to[-4:].rjust(len(call.to), "*"), *about)


@calls.command()
@click.argument("call_id")
@click.option("--ended", is_flag=True, help="It was placed and has ended; it counts as a call.")
@click.option("--never-placed", is_flag=True, help="It was never placed and will not be.")
@click.option("--why", help="How you know; kept in the audit log.")
def settle(call_id: str, ended: bool, never_placed: bool, why: str | None) -> None:
    """Settle CALL_ID, a call in doubt, once you have looked it up in Vapi's call list."""
    if ended == never_placed:
        raise click.UsageError("Give either --ended or --never-placed.")
    reason = (why or "").strip()[:500]
    if never_placed and not reason:
        raise click.UsageError("--never-placed needs --why: how do you know that no phone rang?")
    call = Call.one("id = ?", call_id)
    if call is None:
        raise click.BadParameter(f"there is no call {call_id[:40]!r}.", param_hint="CALL_ID")
    call = end_by_hand(call, ENDED if ended else NEVER_PLACED, acting(), reason)
    say(f"{call.id}: {call.state}. Its slot is free, and the customer can be called again.")
