"""The fixture of tests about imports: a clinic's account, the exported files, and the result."""

from pathlib import Path

from click.testing import Result

from models.invoices.customer import Customer
from models.invoices.invoice import Invoice
from models.transactions import database
from tests import given
from tests.stories.operators import run


class Books:
    """An account into which files are imported."""

    def __init__(self, directory: Path) -> None:
        self.account, self._path = given.an_account(), directory / "export.csv"

    def take_in(self, text: str | bytes, *options: str, stdin: str | None = None) -> Result:
        """Import a file with this content, and return the command's result."""
        self._path.write_bytes(text if isinstance(text, bytes) else text.encode())
        command = ("invoices", "import", str(self._path), "--account", self.account.id)
        answer = run(*command, *options, stdin=stdin)
        database.connect(reuse_if_open=True)
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.output
        return answer

    def refused(self, text: str | bytes, *options: str) -> str:
        """Import a file that must be refused as a whole, and return the output."""
        answer = self.take_in(text, *options)
        assert (answer.exit_code, Invoice.select().count()) == (1, 0), answer.output
        return answer.output

    @property
    def invoices(self) -> list[tuple[str, str, int, str, str]]:
        """Number, customer, outstanding amount, due date and status of each invoice."""
        rows = Invoice.select(Invoice, Customer).join(Customer).order_by(Invoice.number)
        return [
            (row.number, row.customer.name, row.outstanding, f"{row.due_date}", row.status)
            for row in rows
        ]
