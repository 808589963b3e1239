"""`events reconcile`: compare our payments and refunds with Stripe's, and list each difference."""

import time
from datetime import datetime, timedelta

import click

from actions.books.begin import begin_reconciliations
from bin.commands.books.backfill import BEGINS_WITHIN, LOOK, chosen_accounts
from bin.commands.output import acting, complain, console, moment, say, show_table
from bin.commands.since import since_when
from models.books.reconciliation import Difference, Reconciliation, latest_runs
from rules.timeline_text import money
from runtime.clock import real_now

STALE = timedelta(minutes=90)  # an hourly run, and half an hour to fetch what explains a difference


@click.command()
@click.option(
    "--since",
    callback=since_when,
    default="3d",
    show_default=True,
    help="How far back: 36h, 2d, or 2026-11-20T08:00:00Z.",
)
@click.option("--account", help="Only this account's Stripe account (ac_…), or `platform`.")
@click.option(
    "--latest", is_flag=True, help="Show the latest finished comparison instead of starting one."
)
def reconcile(since: datetime, account: str | None, latest: bool) -> None:
    """Compare our payments and refunds with Stripe's, and show each difference.

    Missing events that may explain a difference are fetched first; nothing else is corrected. Exit
    code 1 if anything differs.
    """
    chosen = chosen_accounts(account)
    if latest:
        runs = [run for run in latest_runs() if run.stripe_account in chosen]
        if not runs:
            complain(
                "No comparison has finished yet. The scheduler starts one every hour; to start one"
                " now: bin/payphone events reconcile."
            )
            raise SystemExit(1)
        for missing in sorted(set(chosen) - {run.stripe_account for run in runs}):
            complain(
                f"{missing or 'platform'} has not been compared yet. The scheduler starts a"
                " comparison every hour; if none finishes, see bin/payphone doctor."
            )
    else:
        runs = _wait(begin_reconciliations(chosen, int(since.timestamp()), acting()))
    _show(runs)


def _wait(runs: list[Reconciliation]) -> list[Reconciliation]:
    begun, ids = real_now(), [run.id for run in runs]
    with console(to_stderr=True).status("comparing …") as status:
        while True:
            runs = list(
                Reconciliation.select()
                .where(Reconciliation.id.in_(ids))
                .order_by(Reconciliation.id)
            )
            phases = ", ".join(
                sorted({run.phase.replace("_", " ") for run in runs if run.state == "running"})
            )
            status.update(f"comparing {phases}: {sum(run.compared for run in runs)} so far")
            if all(run.state != "running" for run in runs):
                return runs
            if real_now() - begun > BEGINS_WITHIN and not sum(run.page for run in runs):
                complain(
                    "No worker has started. The comparison needs workers of the queue `periodic`;"
                    " are they running?"
                )
                raise SystemExit(1)
            time.sleep(LOOK)


def _show(runs: list[Reconciliation]) -> None:
    for run in runs:
        if run.state == "failed":
            complain(f"{run.stripe_account or 'platform'}: {run.error}")
    rows = list(
        Difference.select()
        .where(Difference.run.in_([run.id for run in runs] or [0]))
        .order_by(Difference.id)
    )
    shown = (
        (
            row.kind,
            row.invoice_id,
            row.subject,
            money(row.ours, row.currency),
            money(row.theirs, row.currency),
            row.state,
        )
        for row in rows
    )
    show_table(
        ("kind", "invoice", "subject", "ours", "Stripe's", "state"), shown, "No differences."
    )
    for run in runs:
        _tell_age(run)
    if any(row.state == "open" for row in rows) or any(run.state == "failed" for run in runs):
        raise SystemExit(1)


def _tell_age(run: Reconciliation) -> None:
    """Print the report's time and span; warn if it is out of date."""
    whose, made = run.stripe_account or "platform", run.finished_at or run.created_at
    since, until = (moment(seconds * 1_000_000) for seconds in (run.since, run.until))
    say(
        f"{whose}: compared {run.compared} payments and refunds made from {since} to {until};"
        f" report from {moment(made)}."
    )
    age = real_now() - made
    if age > STALE:
        hours = age.total_seconds() / 3600
        complain(
            f"{whose}: the report is {hours:.1f} h old; there should be one every hour. Check"
            " scheduler and workers with bin/payphone doctor."
        )
