"""`events backfill` and `events replay`: fetch missed events, and process events again."""

import time
from datetime import UTC, datetime, timedelta

import click
from rich.progress import BarColumn, Progress, TextColumn

from actions.books.begin import begin_backfills
from actions.books.receive_event import replay_event
from bin.commands.output import acting, complain, console, moment, say, show_list
from bin.commands.rate import rate_given
from bin.commands.since import since_when
from jobs.process_stripe_event import process_stripe_event
from models.accounts.account import Account, stripe_accounts
from models.books.backfill import Backfill
from models.books.inbox_event import InboxEvent
from models.books.stripe_watermark import READABLE_SECONDS
from models.delivery.staged_job import StagedJob
from runtime.clock import real_now
from runtime.settings import get_settings

LOOK = 0.5  # seconds between reads of the progress
BEGINS_WITHIN = timedelta(minutes=1)  # without a worker by then, give up waiting
REPLAYABLE = ("refused", "unmatched", "ignored", "unchanged", "applied")


def chosen_accounts(account: str | None) -> list[str]:
    """Return the Stripe accounts for `--account`: `platform`, one account's own, or all. Raises
    BadParameter.
    """
    if account is None:
        return stripe_accounts()
    if account == "platform":
        return [""]
    row = Account.get_or_none(Account.id == account)
    if row is None:
        raise click.BadParameter(f"there is no account {account!r}.", param_hint="--account")
    return [row.stripe_account or ""]


@click.command()
@click.option(
    "--since",
    required=True,
    callback=since_when,
    help="How far back: 36h, 2d, or 2026-11-20T08:00:00Z. Stripe lists 30 days.",
)
@click.option("--account", help="Only this account's Stripe account (ac_…), or `platform`.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    callback=rate_given,
    help="Missing events processed per second; 0: all at once. Default: BACKFILL_RATE.",
)
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Show progress until it is done. Workers do the work either way.",
)
def backfill(since: datetime, account: str | None, rate: float | None, wait: bool) -> None:
    """Fetch Stripe's events since a time; missed ones are processed like webhooks.

    Events that are already here are left alone, so overlapping spans are safe.
    """
    oldest = real_now() - timedelta(seconds=READABLE_SECONDS)
    start = int(max(since, oldest).timestamp())
    rate = get_settings().backfill_rate if rate is None else rate
    chosen, last = chosen_accounts(account), StagedJob.latest(process_stripe_event.name)
    runs = begin_backfills(chosen, start, rate, acting())
    say(
        f"Reading the events of {len(runs)} Stripe account{'s' * (len(runs) != 1)} since"
        f" {datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M:%SZ}."
    )
    if since < oldest:
        complain(
            "Stripe lists events for 30 days only; older ones are not read. Compare the books"
            " instead: bin/payphone events reconcile."
        )
    if wait:
        _watch([run.id for run in runs], last.id if last else 0)
    else:
        say(
            "Workers continue in the background; bin/payphone events backfills shows their"
            " progress."
        )


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def backfills(limit: int) -> None:
    """Show backfills, newest first: events read, and how many had been missing."""
    columns = ("id", "started", "account", "state", "read", "missing", "asked by", "error")
    show_list(
        columns, Backfill.select().order_by(Backfill.id.desc()), _row, limit, "No backfills yet."
    )


def _row(run: Backfill) -> tuple[object, ...]:
    return (
        run.id,
        moment(run.created_at),
        run.stripe_account or "platform",
        run.state,
        run.seen,
        run.missing,
        run.asked_by,
        run.error,
    )


def _watch(ids: list[int], last: int) -> None:
    """Follow the runs until all are done and their events are processed. `last` is the event's job
    that was staged last before them.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=console(to_stderr=True), transient=True) as progress:
        task, begun = progress.add_task("reading", total=None, told=""), real_now()
        while True:
            runs = list(Backfill.select().where(Backfill.id.in_(ids)))
            seen, missing = sum(run.seen for run in runs), sum(run.missing for run in runs)
            open_events = _count("waiting", "running")
            progress.update(
                task, told=f"{seen} read, {missing} had been missing, {open_events} to process"
            )
            if (
                not any(run.page for run in runs)
                and real_now() - begun > BEGINS_WITHIN
                and any(run.state == "running" for run in runs)
            ):
                complain(
                    "No worker has started. The backfill needs workers of the queue `periodic`; are"
                    " they running?"
                )
                raise SystemExit(1)
            over = all(run.state != "running" for run in runs)
            if over and (not missing or not open_events):
                break
            time.sleep(LOOK)
    for run in runs:
        if run.state == "failed":
            complain(f"{run.stripe_account or 'platform'}: {run.error}")
    dead = _count("dead", after=last)
    say(
        f"Read {seen} events; {missing} had been missing{'' if dead else ' and are now processed'}."
    )
    if dead:
        complain(
            f"{dead} event{'s' * (dead != 1)} could not be processed: bin/payphone jobs list"
            f" --state dead --name {process_stripe_event.name} says why."
        )
    if dead or any(run.state == "failed" for run in runs):
        raise SystemExit(1)


@click.command()
@click.argument("ids", nargs=-1)
@click.option(
    "--outcome",
    type=click.Choice(REPLAYABLE),
    help="All of Stripe's with this outcome, oldest first.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0),
    callback=rate_given,
    help="Events per second; 0: all at once. Default: BACKFILL_RATE.",
)
def replay(ids: tuple[str, ...], outcome: str | None, rate: float | None) -> None:
    """Process Stripe's events again. IDS are numbers from `events list`, or Stripe's evt_….

    Facts are merged by Stripe's ids, so nothing counts twice. Events not processed yet are skipped.
    """
    if bool(ids) == bool(outcome):
        raise click.UsageError("Give event IDS or --outcome.")
    rate = get_settings().backfill_rate if rate is None else rate
    named = [_ids_of(text) for text in ids] or [[row.id for row in _events_with(outcome)]]
    found = [number for numbers in named for number in numbers]
    replayed = 0
    for number in found:
        if replay_event(number, acting(), replayed / rate if rate else 0.0):
            replayed += 1
        else:
            complain(f"{number}: not processed yet.")
    spread = f", spread over {replayed / rate:.0f} s" if rate and replayed > rate else ""
    say(f"Replayed: {replayed}{spread}.")
    if replayed < len(found) or (ids and not all(named)):
        raise SystemExit(1)


def _count(*states: str, after: int = 0) -> int:
    """Return how many jobs that process an event, staged after one, are in one of the states."""
    same = (StagedJob.name == process_stripe_event.name) & StagedJob.state.in_(states)
    return int(StagedJob.select().where(same, StagedJob.id > after).count())


def _events_with(outcome: str | None) -> list[InboxEvent]:
    return list(
        InboxEvent.select(InboxEvent.id)
        .where(InboxEvent.provider == "stripe", InboxEvent.outcome == outcome)
        .order_by(InboxEvent.id)
    )


def _ids_of(text: str) -> list[int]:
    """Return the row ids that one argument names; none, with an error line, if there is no such
    event.
    """
    # fits in 64 bits
    number = int(text) if text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004
    rows = list(
        InboxEvent.select(InboxEvent.id, InboxEvent.provider).where(
            (InboxEvent.id == number) | (InboxEvent.event_id == text)
        )
    )
    found = [row.id for row in rows if row.provider == "stripe"]
    if not found:
        whose = rows[0].provider.capitalize() if rows else ""
        why = f"an event from {whose}, which was processed at once" if rows else "no such event"
        complain(f"{text}: {why}.")
    return found
