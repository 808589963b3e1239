"""`recount`: count the kept totals again from the rows."""

import click

from bin.commands.output import acting, say, say_database
from models.accounts.audit_entry import AuditEntry
from models.reports.running_total import recount as count_again
from models.reports.running_total import wrong_totals


@click.command()
def recount() -> None:
    """Count invoices, events and jobs again for the summaries and gauges, if they are wrong.

    They are kept by triggers; only rows written without these, as by some restores, make them
    wrong.
    """
    say_database()
    wrong = wrong_totals()
    if not wrong:
        say("Nothing to do: the totals agree with the rows.")
        return
    count_again()
    AuditEntry.record(acting(), "totals.recounted", "totals:all", None, wrong=wrong)
    say(f"Counted again: {', '.join(wrong)}.")
