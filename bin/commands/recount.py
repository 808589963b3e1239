"""`recount`: recompute the running totals from the rows."""

import click

from bin.commands.output import acting, say, say_database
from models.accounts.audit_entry import AuditEntry
from models.reports.running_total import recount as count_again
from models.reports.running_total import wrong_totals


@click.command()
def recount() -> None:
    """Recompute the totals of invoices, events and jobs for summaries and gauges, if they are
    wrong.

    Triggers keep them up to date. They can be wrong only after rows were written without triggers,
    as some restores do.
    """
    say_database()
    wrong = wrong_totals()
    if not wrong:
        say("Nothing to do: the totals agree with the rows.")
        return
    count_again()
    AuditEntry.record(acting(), "totals.recounted", "totals:all", None, wrong=wrong)
    say(f"Recomputed: {', '.join(wrong)}.")
