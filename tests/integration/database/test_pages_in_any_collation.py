"""Pages join without gap or overlap whatever the database's collation: PostgreSQL can sort `aa`
after `z`, as in Danish, while SQLite and Python sort by code point.
"""

from datetime import date

import pytest

from models.contact.consent import Consent
from models.invoices.invoice import Invoice
from models.transactions import database, execute, is_postgres
from runtime.clock import real_now
from tests import given

# in code point order; in Danish aa sorts last, and capitals next to their small letters
ENDS = ("B1", "Z2", "aa", "ab", "b3", "zz")


TABLES = "name IN ('invoice', 'consent')"


def in_danish(one, other):
    """Compare as in Danish: letters before case, and `aa` as one letter after `z`."""
    keys = [(text.lower().replace("aa", "~"), text) for text in (one, other)]
    return (keys[0] > keys[1]) - (keys[0] < keys[1])


def declare(before, after):
    """Replace the type of the id columns in SQLite's own description of the tables."""
    column = '"id" TEXT NOT NULL PRIMARY KEY'
    execute("PRAGMA writable_schema = ON")
    execute(
        f"UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE {TABLES}",
        (column.replace("TEXT", before), column.replace("TEXT", after)),
    )
    execute("PRAGMA writable_schema = RESET")
    execute("REINDEX")


@pytest.fixture
def danish(database_url):
    """Ids sorted by another locale's rules. The tests' PostgreSQL has only the C locale; SQLite
    takes any.
    """
    if is_postgres():
        pytest.skip("the tests' PostgreSQL has no locale but C")
    database.register_collation(in_danish, "danish")
    declare("TEXT", "TEXT COLLATE danish")
    yield
    for table in (Consent, Invoice):
        table.delete().execute()
    declare("TEXT COLLATE danish", "TEXT")


def paged(client, headers, path):
    read, cursor = [], ""
    for _ in range(2 * len(ENDS)):
        address = f"{path}{'&' if '?' in path else '?'}limit=2{cursor}"
        page = client.simulate_get(address, headers=headers).json
        read += [row["id"] for row in page["data"]]
        cursor = f"&startingAfter={read[-1]}"
        if not page["hasMore"]:
            return read
    raise AssertionError(f"no end: {read}")


@pytest.mark.parametrize(
    "path", ["/api/invoices?status=sent&status=overdue", "/api/finance/unpaid-invoices"]
)
def test_a_list_of_two_statuses_shows_each_invoice_once(client, danish, path):
    """Given invoices of two statuses, due on one day, then the pages list each of them once."""
    account = given.an_account()
    first, headers = given.an_invoice(account), given.a_key(account)
    same = dict(first.__data__) | {"due_date": date(2026, 6, 1), "mark": "sent"}
    ids = [f"inv_{end}" for end in ENDS]
    for number, row_id in enumerate(ids):
        status = ("sent", "overdue")[number % 2]
        told = {"id": row_id, "number": row_id, "status": status}
        Invoice.insert(**(same | told)).execute()
    Invoice.delete().where(Invoice.id == first.id).execute()
    assert sorted(paged(client, headers, path)) == sorted(ids)


def test_the_ledger_shows_each_consent_once(client, danish):
    """Given consents of the same moment, as an import makes them, then the pages list each once."""
    account, now = given.an_account(), real_now()
    customer = given.a_customer(account)
    said = {"source": "form", "text": "x", "text_version": "1", "recorded_by": "test"}
    row = dict(Consent.record(customer, "+12025550123", ["sms"], now, now, **said).__data__)
    Consent.delete().execute()
    ids = [f"cns_{end}" for end in ENDS]
    for row_id in ids:
        Consent.insert(**(row | {"id": row_id})).execute()
    path = f"/api/customers/{customer.id}/contact-ledger"
    assert sorted(paged(client, given.a_key(account), path)) == sorted(ids)
