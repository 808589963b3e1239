"""`invoices import`: import invoices from bookkeeping programs or a spreadsheet; safe to repeat."""

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from bin.commands.invoices.import_options import open_file, reading_options
from bin.commands.invoices.import_run import CONTACT, OUTCOMES, ImportRun
from bin.commands.invoices.row_memory import FirstErrors
from bin.commands.output import complain, say, show_table
from models.accounts.account import Account
from rules.imports.invoice_columns import (
    ignored_columns,
)
from rules.imports.invoice_csv import RowError
from rules.money import in_words

FIELDS = (
    "number",
    "customer",
    "dueDate",
    "amount",
    "currency",
    "email",
    "phone",
    "project",
    "externalId",
    "type",
    "status",
)


class _CallerPath(click.Path):
    """A file path relative to where `bin/payphone` was called, since the command changes folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(Path(os.environ.get("CALLED_FROM", ""), value), param, ctx)


@click.group()
def invoices() -> None:
    """Invoices of an account."""


@invoices.command("import")
@click.argument("file", type=_CallerPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--account",
    "account_id",
    help="The account the invoices belong to; optional if there is only one.",
)
@click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")
@click.option("--skip-bad", is_flag=True, help="Import valid rows even if others are invalid.")
@click.option(
    "--close-paid",
    is_flag=True,
    help="Close invoices that are open here and paid, voided or written off in the file.",
)
@click.option("--yes", is_flag=True, help="Do not ask before --close-paid closes invoices.")
@reading_options
def import_invoices(
    file: Path,
    account_id: str | None,
    dry_run: bool,
    skip_bad: bool,
    close_paid: bool,
    yes: bool,
    **how: Any,
) -> None:
    """Import invoices from FILE, a CSV exported by a bookkeeping program or a spreadsheet.

    The whole file is checked first. If any row is bad, nothing is imported, unless you pass
    --skip-bad. Importing the same file twice changes nothing, because invoices are identified by
    their number. Paid, voided and empty invoices are skipped; those that are still open here are
    listed, and closed with --close-paid. Credits are listed and never imported. docs/imports.md
    lists the accepted columns.

    These columns say who may be contacted, in any program's file: smsConsent with consentSource,
    consentAt and consentText; smsOptOut, voiceOptOut or optOut, with optOutAt. They hold yes or no.
    An opt-out counts even in skipped or bad rows, and overrides a consent. A "no" under smsConsent
    withdraws a consent from an earlier import.
    """
    account = _account(account_id)
    source, reading = open_file(file, **how)
    with closing(ImportRun(account, source, reading)) as run:
        errors = _import(
            run, close_paid=close_paid, asks=not yes, skip_bad=skip_bad, writes=not dry_run
        )
    if errors.count:
        raise SystemExit(1)


def _account(account_id: str | None) -> Account:
    """Return the named account, or the only one."""
    if account_id is not None:
        account: Account | None = Account.get_or_none(Account.id == account_id)
        if account is None:
            raise click.BadParameter(
                f"there is no account {account_id[:40]!r}.", param_hint="--account"
            )
        return account
    first: list[Account] = list(Account.select().limit(2))
    if len(first) != 1:
        raise click.UsageError(
            "Name the account with --account; `bin/payphone account list` shows them."
            if first
            else "There is no account yet; create one with `bin/payphone account create NAME`."
        )
    return first[0]


def _import(
    run: "ImportRun", *, close_paid: bool, asks: bool, skip_bad: bool, writes: bool
) -> FirstErrors:
    """Check the file, report the findings, import it if `writes`, and return its errors."""
    counts, errors = run.check()
    _complain(errors.first, errors.count)
    writes = writes and (skip_bad or not errors.count)
    _preview(run)
    for line in run.named.lines():
        say(f"{line}.")
    if run.closable and not close_paid:
        say("To close these here too, import the file again with --close-paid.")
    if writes and close_paid and run.closable and asks:
        writes = click.confirm(f"Close {run.closable} invoices here, as the file says?")
    if writes:
        counts, written = run.write(close_paid)
        new = [error for error in written.first if error not in errors.first]
        _complain(new, written.count - errors.count)
        errors = written
    _report(counts, writes)
    return errors


def _complain(first: Sequence[RowError], count: int) -> None:
    for error in first:
        where = f"line {error.line}" + (f", {error.column}" if error.column else "")
        complain(f"{where}: {error.message}.")
    if count > len(first):
        complain(f"… and {count - len(first)} more.")


def _preview(run: ImportRun) -> None:
    """Show how the file was understood: which column is which field, and how the first row was
    read.
    """
    source, columns, first = run.source, run.reading.columns, run.sample
    say(
        f"{source.path.name}: {run.reading.layout.name} columns in line {source.header_line},"
        f" {source.encoding}, delimiter {source.delimiter!r}"
        + (f", dates {run.reading.dates}." if run.reading.dates in ("us", "eu") else ".")
    )
    read = (
        {
            "number": first.number,
            "customer": first.customer,
            "dueDate": first.due_date.isoformat(),
            "amount": in_words(first.amount, first.currency, "en_US"),
            "currency": first.currency.upper(),
            "email": first.email,
            "phone": first.phone,
            "project": first.project,
            "externalId": first.external_id,
            "status": first.mark,
        }
        if first
        else {}
    )
    rows = [
        (name, source.header[columns[name]] or "(rows above the invoices)", read.get(name, ""))
        for name in FIELDS
        if name in columns
    ]
    show_table(("field", "column", "first invoice"), rows, "")
    ignored = ignored_columns(source.header, columns)
    if ignored:
        say(f"Ignored columns: {', '.join(ignored)}.")


def _report(counts: dict[str, int], written: bool) -> None:
    show_table(
        ("invoices", "count"),
        [(name, counts.get(name, 0)) for name in OUTCOMES if counts.get(name)],
        "No rows.",
    )
    if any(counts.get(name) for name in CONTACT):
        show_table(
            ("people", "count"),
            [(name, counts.get(name, 0)) for name in CONTACT if counts.get(name)],
            "",
        )
    say("Imported." if written else "Nothing was written.")
