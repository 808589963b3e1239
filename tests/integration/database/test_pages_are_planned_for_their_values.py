"""PostgreSQL plans a prepared statement for any values. A list's page is planned for its own
values, because the best index depends on how rare they are.
"""

import pytest

from models.invoices.invoice import Invoice
from models.reports.invoice_list import InvoiceFilter, list_invoices
from models.transactions import execute, is_postgres
from tests import given

OFTEN = 12  # more often than psycopg needs to prepare, and PostgreSQL to use a generic plan


@pytest.fixture
def postgres_only(database_url):
    if not is_postgres():
        pytest.skip("SQLite plans when it is asked, by the sizes that migrations tell it")


def prepared():
    return [row[0] for row in execute("SELECT statement FROM pg_prepared_statements").fetchall()]


def test_list_pages_are_not_prepared_but_single_row_lookups_are(postgres_only):
    """Given lists that are read often, then their statements are not prepared, and the one that
    finds a single row is.
    """
    invoice = given.an_invoice()
    for status in ("sent", "cancelled"):
        for _ in range(OFTEN):
            list_invoices(invoice.account, InvoiceFilter(statuses=(status,)), 21)
            list_invoices(invoice.account, InvoiceFilter(), 21)
            Invoice.one("id = ?", invoice.id)
    known = [text for text in prepared() if 'FROM "invoice"' in text]
    assert len(known) == 1, known
    assert known[0].endswith("WHERE id = $1")
