"""One import of a file of invoices: one pass to check it, a second to write it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

from peewee import PeeweeException
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from actions.contact.opt_out.import_opt_outs import (
    NewOptOut,
    import_opt_outs,
    lock_numbers,
    new_opt_outs,
    with_numbers_on_file,
)
from actions.invoices.close_paid import Closing, close_invoices, closings_of
from actions.invoices.import_invoices import Planned, import_rows, plan_import
from actions.payments.recompute import recompute
from bin.commands.invoices.csv_file import CsvFile
from bin.commands.invoices.row_memory import FirstErrors, FirstNames, SeenNumbers
from bin.commands.output import acting, console, remark
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.invoices.invoice import Invoice
from models.payments.invoices_with_money import invoices_with_payment_under_way
from models.transactions import serialize_on, transaction
from rules.imports.invoice_columns import has_customer_rows, is_summed, repeats_amounts
from rules.imports.invoice_csv import (
    InvoiceRow,
    Passed,
    Reading,
    Refusal,
    RowError,
    read_refusal,
    read_row,
)
from rules.imports.invoice_lines import Row, summed
from rules.imports.invoice_report import Report, is_total_of_a_group
from rules.money import in_words
from runtime.clock import business_now, real_now

BATCH = 500  # rows in one transaction
CONTACT = ("opted out", "consent taken back")
OUTCOMES = ("created", "updated", "unchanged", "kept", "skipped", "refused", "closed")


@dataclass
class _Batch:
    """Rows to import together, the invoices that the file shows as closed, and the opt-outs of any
    row.
    """

    rows: list[InvoiceRow] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)

    def note(self, row: InvoiceRow | Passed) -> None:
        """Collect the row."""
        if isinstance(row, InvoiceRow):
            self.rows.append(row)
        elif row.state is not None:
            self.passed.append(row)

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached the size of one transaction."""
        return max(len(self.rows), len(self.refusals), len(self.passed)) >= BATCH


def _counted(news: Iterable[NewOptOut]) -> Counter[str]:
    """Count opt-outs and withdrawn consents for the report."""
    counts: Counter[str] = Counter()
    for one in news:
        counts["opted out"] += bool(one.stops)
        counts["consent taken back"] += one.ends_consent
    return counts


class ImportRun:
    """One import: one pass over the file to check it, a second to write it.

    `named`: credits and other rows that are not imported, and invoices that are open here but
    closed in the file. `closable`: how many of these can be closed here too. `sample`: the first
    good row. An invoice number with one bad row is bad as a whole, because its other rows might be
    parts of the same invoice.
    """

    def __init__(self, account: Account, source: CsvFile, reading: Reading) -> None:
        self._account = account
        self.source, self.reading = source, reading
        self._repeats = repeats_amounts(reading.layout, source.header, reading.columns)
        self.named = FirstNames()
        self.closable = 0
        self.sample: InvoiceRow | None = None
        self._bad_numbers, self._has_bad = SeenNumbers(), False
        self._refusals: list[Refusal] = []  # opt-outs of the rows read since the last batch

    def close(self) -> None:
        """Delete the temporary database."""
        self._bad_numbers.close()

    def check(self) -> tuple[Counter[str], FirstErrors]:
        """Return counts of what each row would do, and the errors. Writes nothing."""
        counts: Counter[str] = Counter()
        errors = FirstErrors()
        known: set[NewOptOut] = set()
        for batch in self._batches("checking", counts, errors, self._name):
            for planned in plan_import(self._account, batch.rows):
                counts[planned.outcome] += 1
                self._name_owing_more(planned)
                errors.add([planned.error] if planned.error else [])
                self.sample = self.sample or planned.row
            for one in closings_of(self._account, batch.passed):
                self._name_closing(one)
            refusals = with_numbers_on_file(self._account, batch.refusals)
            news = [one for one in new_opt_outs(self._account, refusals) if one not in known]
            known.update(news)
            counts.update(_counted(news))
        return counts, errors

    def _name(self, row: Passed) -> None:
        """List a row that is not imported, unless the reason is obvious."""
        who = " of ".join(text for text in (row.number, row.customer) if text) or "no name"
        if row.why == "credit":
            self.named.add(f"Not imported, {row.said}", f"line {row.line} {who} {row.amount}")
        elif row.why == "no invoice":
            self.named.add(f"Not an invoice, {row.said}", f"line {row.line} {who}")

    def _name_owing_more(self, planned: Planned) -> None:
        """List an invoice whose amount stays because money has come, but of which less is owed by
        the file: the rest was paid elsewhere, and would be collected.
        """
        row, invoice = planned.row, planned.invoice
        if planned.outcome != "kept" or invoice is None or invoice.outstanding <= row.amount:
            return
        if not invoices_with_payment_under_way([invoice.id]):
            here, there = (
                in_words(amount, row.currency, "en_US")
                for amount in (invoice.outstanding, row.amount)
            )
            self.named.add(
                "More is owed here than in the file, record what was paid elsewhere",
                f"{row.number} ({here}, {there} in the file)",
            )

    def _name_closing(self, one: Closing) -> None:
        but = ", but a payment is under way here" if one.is_busy else ""
        but = ", but another customer's here" if one.is_anothers else but
        self.named.add(f"Open here, {one.row.said} in the file{but}", one.row.number)
        self.closable += one.is_closable

    def write(self, close_paid: bool) -> tuple[Counter[str], FirstErrors]:
        """Import the valid rows, one transaction for each batch. Return the counts by outcome, and
        the errors: others may have changed something since the check. If it breaks off, it says
        what is imported so far; that is audited too.
        """
        counts: Counter[str] = Counter()
        errors, has_written = FirstErrors(), False
        try:
            for batch in self._batches("importing", counts, errors, _ignore):
                counts.update(self._write_batch(batch, close_paid, errors))
                has_written |= bool(batch.rows or batch.refusals or batch.passed)
        except BaseException:
            if has_written:
                names = [name for name in (*OUTCOMES, *CONTACT) if counts[name]]
                done = ", ".join(f"{counts[name]} {name}" for name in names)
                remark(f"Interrupted: {done}. This stays; import the file again for the rest.")
                with suppress(PeeweeException):  # the database may be what failed
                    self._audit(counts, interrupted=True)
            raise
        self._audit(counts)
        return counts, errors

    def _write_batch(self, batch: _Batch, close_paid: bool, errors: FirstErrors) -> Counter[str]:
        with transaction():
            # concurrent imports take turns, so that each sees the customers the other created
            serialize_on(f"import:{self._account.id}")
            planned = plan_import(self._account, batch.rows)
            closings = closings_of(self._account, batch.passed) if close_paid else []
            _lock(planned, closings)
            refusals = with_numbers_on_file(self._account, batch.refusals)
            lock_numbers(refusals)
            today = self._account.local_date(business_now())
            written = import_rows(self._account, planned, acting(), real_now(), today, recompute)
            news = new_opt_outs(self._account, refusals)
            import_opt_outs(self._account, news, acting(), real_now())
            closed = close_invoices(closings, acting(), real_now())
        errors.add(one.error for one in written if one.error)
        return (
            Counter(one.outcome for one in written) + _counted(news) + Counter(closed=len(closed))
        )

    def _audit(self, counts: Counter[str], **more: bool) -> None:
        totals = {name: counts[name] for name in (*OUTCOMES, *CONTACT)}
        AuditEntry.record(
            acting(),
            "invoices.imported",
            f"account:{self._account.id}",
            self._account.id,
            layout=self.reading.layout.name,
            **totals,
            **more,
        )

    def _batches(
        self,
        what: str,
        counts: Counter[str],
        errors: FirstErrors,
        passed: Callable[[Passed], None],
    ) -> Iterator[_Batch]:
        """Yield valid rows in batches, and call `passed` with rows that are skipped. A number that
        is used for two invoices is an error.
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
            task = progress.add_task(what, total=self.source.size)
            for row in self._read(seen):
                if isinstance(row, list):
                    errors.add(row)
                    counts["refused"] += 1
                else:
                    batch.note(row)
                if isinstance(row, Passed):
                    counts["skipped"] += 1
                    passed(row)
                batch.refusals += self._refusals
                self._refusals = []
                if batch.is_full:
                    yield batch
                    batch = _Batch()
                    progress.update(task, completed=self.source.done)
            batch.refusals += self._refusals
            self._refusals = []
            yield batch

    def _read(self, seen: SeenNumbers) -> Iterator[InvoiceRow | Passed | list[RowError]]:
        """Yield what each row of the file means: an invoice, a row to skip, or errors."""
        header, how = self.source.header, self.reading
        rows: Iterable[Row | list[RowError]] = self._invoices()
        if is_summed(how.layout, header, how.columns):
            rows = summed(self._invoices(), header, how)
        for row in rows:
            if isinstance(row, list):
                yield row
                continue
            read = read_row(row.line, row.cells, header, how, row.amount)
            found = read if isinstance(read, list) else self._unless_repeated(read, seen)
            number = how.text("number", row.cells)
            if isinstance(found, list) and number:
                self._bad_numbers.first(number, row.line, "")
                self._has_bad = True
            yield found

    def _invoices(self) -> Iterator[Row]:
        """Yield the rows of invoices, without a report's other lines. Opt-outs are collected from
        every row, even if it is skipped or bad.
        """
        header, columns = self.source.header, self.reading.columns
        has_totals = has_customer_rows(header, columns) and any(
            is_total_of_a_group(row.cells) for row in self.source
        )
        report = Report(header, columns, has_totals=has_totals)
        for row in self.source:
            cells = report.row(row.cells)
            if cells is not None:
                refused = read_refusal(row.line, cells, header, self.reading)
                self._refusals += [refused] if refused is not None else []
                yield row._replace(cells=cells)

    def _unless_repeated(
        self, row: InvoiceRow | Passed, seen: SeenNumbers
    ) -> InvoiceRow | Passed | list[RowError]:
        """Return the row if its number is new. A repetition of the same invoice is skipped; another
        invoice with that number, or another line of it, is an error.
        """
        what: object
        if isinstance(row, InvoiceRow):
            what = (row.amount, row.currency, row.due_date, row.customer)
        elif row.state is None or not row.number:
            return row  # credits have numbers of their own
        else:
            what = row.said
        if self._has_bad and row.number in self._bad_numbers:
            return [
                RowError(
                    row.line,
                    "",
                    f"another row of invoice {row.number} is refused; correct that one",
                )
            ]
        line, is_same = seen.first(row.number, row.line, what)
        if line == row.line:
            return row
        if is_same and (self._repeats or isinstance(row, Passed)):
            return Passed(row.line, "repeated", row.number, row.customer, said="", amount="")
        message = (
            f"invoice {row.number} is on line {line}"
            + (" too" if is_same else " with another amount, date, status or customer")
            + ". If the file has a row for each line of an invoice, export one with a row for each"
            " invoice; else give every invoice its own number"
        )
        return [RowError(row.line, "", message)]


def _lock(planned: Iterable[Planned], closings: Iterable[Closing]) -> None:
    """Lock what might change before anything else, in the lock order that all writers follow."""
    changed = [one.invoice for one in planned if one.outcome == "updated" and one.invoice]
    closed = [one.invoice for one in closings if one.is_closable]
    Invoice.locked_with_accounts([invoice.id for invoice in (*changed, *closed)])


def _ignore(_: Passed) -> None:
    """Ignore a skipped row: it was listed when the file was checked."""
