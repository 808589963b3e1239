"""`invoices import`: import invoices from QuickBooks, Xero or a spreadsheet; safe to repeat."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from actions.contact.import_opt_outs import News, keep, news_of
from actions.invoices.import_invoices import plan, take_in
from actions.payments.recompute import recompute
from bin.commands.invoices.csv_file import CsvFile, UnreadableFile
from bin.commands.invoices.row_memory import SHOWN, FirstErrors, SeenNumbers
from bin.commands.output import acting, complain, console, say, show_table
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.base import transaction
from rules.csv_cells import DATE_FORMATS
from rules.invoice_columns import LAYOUTS, REQUIRED, find_columns, ignored_columns, recognise
from rules.invoice_csv import InvoiceRow, Reading, Refusal, RowError, read_row
from runtime.clock import business_now, real_now

BATCH = 500  # rows a transaction
CONTACT = ("opted out", "consent taken back")
OUTCOMES = ("created", "updated", "unchanged", "kept", "skipped", "refused")


@click.group()
def invoices() -> None:
    """Invoices of an account."""


@invoices.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--account", "account_id", required=True, help="The account the invoices belong to.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")
@click.option("--skip-bad", is_flag=True, help="Import valid rows even if others are invalid.")
@click.option(
    "--mapping",
    type=click.Choice(["auto", *LAYOUTS]),
    default="auto",
    show_default=True,
    help="The program that exported the file.",
)
@click.option(
    "--dates",
    type=click.Choice(list(DATE_FORMATS)),
    default="iso",
    show_default=True,
    help="iso 2026-01-31, us 1/31/2026, eu 31/1/2026.",
)
@click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    default="point",
    show_default=True,
    help="How amounts are written: 1,234.50 or 1.234,50.",
)
@click.option("--currency", default="", help="Currency of rows without one, such as USD.")
@click.option(
    "--region",
    default="US",
    show_default=True,
    help="Country of phone numbers without a country code.",
)
@click.option(
    "--delimiter",
    type=click.Choice([",", ";", "\t", "|"]),
    help="Detected automatically unless given.",
)
def import_invoices(
    file: Path,
    account_id: str,
    dry_run: bool,
    skip_bad: bool,
    mapping: str,
    delimiter: str | None,
    **how: str,
) -> None:
    """Import invoices from FILE, a CSV exported by QuickBooks or Xero.

    The whole file is checked first; with any bad row nothing is taken in, unless --skip-bad. The
    same file twice changes nothing: an invoice is known by its number. Paid, voided and empty ones
    are skipped.

    Columns of any program that say who may be contacted: smsConsent with consentSource, consentAt
    and consentText; smsOptOut, voiceOptOut or optOut, with optOutAt. They hold yes or no. An
    opt-out counts in skipped rows too, and beats a consent; a "no" under smsConsent takes back what
    an earlier import said.
    """
    account = Account.get_or_none(Account.id == account_id)
    if account is None:
        raise click.BadParameter(
            f"there is no account {account_id[:40]!r}.", param_hint="--account"
        )
    source = CsvFile(file, delimiter)
    reading = _reading(source, mapping, how)
    run = _Run(account, source, reading)
    counts, errors = run.check()
    for error in errors.first:
        where = f"line {error.line}" + (f", {error.column}" if error.column else "")
        complain(f"{where}: {error.message}.")
    if errors.count > SHOWN:
        complain(f"… and {errors.count - SHOWN} more.")
    writes = not dry_run and (skip_bad or not errors.count)
    if writes:
        counts = run.write()
    _report(counts, reading, source, writes)
    if errors.count:
        raise SystemExit(1)


def _reading(source: CsvFile, mapping: str, how: dict[str, str]) -> Reading:
    """How to read the file. Raises UnreadableFile when its columns do not describe invoices."""
    layout = recognise(source.header) if mapping == "auto" else LAYOUTS[mapping]
    columns = find_columns(layout, source.header) if layout else {}
    lacking = [name for name in REQUIRED if name not in columns]
    if layout is None or lacking:
        wanted = (
            f"there is no column for: {', '.join(lacking)}"
            if layout
            else "it does not look like an export of QuickBooks or Xero"
        )
        raise UnreadableFile(
            f"{source.path.name}: {wanted}. It needs an invoice number, a customer, a due date and"
            " an amount; try --mapping."
        )
    return Reading(
        layout, columns, how["dates"], how["decimal"], how["currency"], how["region"].upper()
    )


@dataclass
class _Batch:
    """Rows to be taken in together, and what people refuse, in these rows and in those that are
    skipped.
    """

    rows: list[InvoiceRow] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def note(
        self, row: InvoiceRow | list[RowError] | Refusal | None
    ) -> InvoiceRow | list[RowError] | None:
        """Collect the row's opt-outs; the row without them."""
        refusal = row.refusal if isinstance(row, InvoiceRow) else row
        self.refusals += [refusal] if isinstance(refusal, Refusal) else []
        return None if isinstance(row, Refusal) else row

    @property
    def is_full(self) -> bool:
        """Whether the batch is as large as one transaction should be."""
        return len(self.rows) >= BATCH or len(self.refusals) >= BATCH


def _counted(news: Iterable[News]) -> Counter[str]:
    """What becomes of people, for the report."""
    counts: Counter[str] = Counter()
    for one in news:
        counts["opted out"] += bool(one.stops)
        counts["consent taken back"] += one.ends_consent
    return counts


class _Run:
    """One import: the file read once to check it, and once more to write."""

    def __init__(self, account: Account, source: CsvFile, reading: Reading) -> None:
        self._account, self._source, self._reading = account, source, reading

    def check(self) -> tuple[Counter[str], FirstErrors]:
        """What each row would do, and the errors; nothing is written."""
        counts: Counter[str] = Counter()
        errors = FirstErrors()
        told: set[News] = set()
        for batch in self._batches("checking", counts, errors):
            for planned in plan(self._account, batch.rows):
                counts[planned.outcome] += 1
                errors.add([planned.error] if planned.error else [])
            news = [one for one in news_of(self._account, batch.refusals) if one not in told]
            told.update(news)
            counts.update(_counted(news))
        return counts, errors

    def write(self) -> Counter[str]:
        """Import the valid rows, one transaction per batch; counts by result."""
        counts: Counter[str] = Counter()
        for batch in self._batches("importing", counts, FirstErrors()):
            with transaction():
                planned = plan(self._account, batch.rows)
                today = self._account.local_date(business_now())
                take_in(self._account, planned, acting(), real_now(), today, recompute)
                news = news_of(self._account, batch.refusals)
                keep(self._account, news, acting(), real_now())
            counts.update(one.outcome for one in planned)
            counts.update(_counted(news))
        told = {name: counts[name] for name in (*OUTCOMES, *CONTACT)}
        AuditEntry.record(
            acting(),
            "invoices.imported",
            f"account:{self._account.id}",
            self._account.id,
            layout=self._reading.layout.name,
            **told,
        )
        return counts

    def _batches(self, what: str, counts: Counter[str], errors: FirstErrors) -> Iterator[_Batch]:
        """Valid rows in batches. Lines of one invoice are one row; a number used for two invoices
        is an error.
        """
        batch = _Batch()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        with (
            closing(SeenNumbers()) as seen,
            Progress(*columns, console=console(to_stderr=True), transient=True) as progress,
        ):
            task = progress.add_task(what, total=self._source.size)
            for record in self._source:
                row = batch.note(
                    read_row(record.line, record.cells, self._source.header, self._reading)
                )
                row = self._once(row, seen) if isinstance(row, InvoiceRow) else row
                if isinstance(row, list):
                    errors.add(row)
                    counts["refused"] += 1
                elif row is None:
                    counts["skipped"] += 1
                else:
                    batch.rows.append(row)
                if batch.is_full:
                    yield batch
                    batch = _Batch()
                    progress.update(task, completed=self._source.done)
            yield batch

    @staticmethod
    def _once(row: InvoiceRow, seen: SeenNumbers) -> InvoiceRow | list[RowError] | None:
        line, is_same = seen.first(row)
        if line == row.line:
            return row
        message = (
            f"invoice {row.number} is on line {line} with another amount, date or customer; every"
            " invoice needs its own number"
        )
        return None if is_same else [RowError(row.line, "", message)]


def _report(counts: dict[str, int], reading: Reading, source: CsvFile, written: bool) -> None:
    say(
        f"{source.path.name}: {reading.layout.name} columns, {source.encoding}, delimiter"
        f" {source.delimiter!r}."
    )
    ignored = ignored_columns(source.header, reading.columns)
    if ignored:
        say(f"Ignored columns: {', '.join(ignored)}.")
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
    say("Taken in." if written else "Nothing was written.")
