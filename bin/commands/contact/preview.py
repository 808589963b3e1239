"""`contact preview`: what the contact ladder would do in the coming days."""

import click

from actions.accounts.accounts import find_account
from actions.contact.ladder.preview import CustomerPreview, preview_contacts
from bin.commands.output import moment, say_database, show_table

PAGE = 100
COLUMNS = ("when", "how", "customer", "invoices", "answer")


@click.group()
def contact() -> None:
    """Contact with people who owe."""


@contact.command("preview")
@click.option("--account", required=True, help="The account (ac_…).")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 31))
def show_preview(account: str, days: int) -> None:
    """Dry-run the contact scan: who would be contacted in the coming days, or why not, if nothing
    else happened. Nobody is contacted.
    """
    found, has_more = find_account(account), True
    people: list[CustomerPreview] = []
    while has_more:
        last = people[-1].customer_id if people else ""
        page, has_more = preview_contacts(found, days, last, PAGE)
        people += page
    rows = sorted((row for person in people for row in _rows(person)), key=lambda row: row[0])
    show_table(COLUMNS, rows, f"Nobody would be contacted in the next {days} days.")
    say_database()


def _rows(person: CustomerPreview) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            moment(one.at),
            f"{one.channel}, day {one.days}",
            person.customer_id,
            str(len(one.invoice_ids)),
            one.code or ("as a draft" if one.is_draft else "allowed"),
        )
        for one in person.contacts
    ]
