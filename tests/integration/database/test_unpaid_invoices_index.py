"""The unpaid list and the summary read an index, never the whole table, on both databases."""

from datetime import date, timedelta

from models import fixed_sql
from models.accounts.account import Account
from models.invoices.invoice import Invoice
from models.reports.receivables import unpaid_page
from models.transactions import database, execute, is_postgres
from rules.invoice_fold import UNPAID
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given

TODAY = date(2026, 6, 1)


def many_invoices() -> Account:
    """Create three accounts with a thousand invoices each, enough to give the planner a choice."""
    accounts, now = [given.an_account(name=f"Clinic {index}") for index in range(3)], real_now()
    rows = []
    for account in accounts:
        customer = given.a_customer(account)
        same = {
            "account": account,
            "customer": customer,
            "currency": "usd",
            "amount_due": 100,
            "outstanding": 100,
            "mark": "sent",
        }
        rows += [
            same
            | {
                "id": new_id("inv"),
                "number": str(index),
                "due_date": TODAY + timedelta(days=index % 200 - 100),
                "created_at": now,
                "updated_at": now,
            }
            | {"status": ("overdue", "sent", "paid", "paid")[index % 4]}
            for index in range(1000)
        ]
    with database.atomic():
        for at in range(0, len(rows), 100):
            Invoice.insert_many(rows[at : at + 100]).execute()
    given.statistics()
    return accounts[0]


def plan(sql: str, params: tuple) -> str:
    cursor = execute(("EXPLAIN " if is_postgres() else "EXPLAIN QUERY PLAN ") + sql, params)
    return "\n".join(str(row) for row in cursor.fetchall())


def test_each_page_is_one_range_of_the_index_already_in_order(database_url):
    account = many_invoices()
    after = (
        Invoice.select()
        .where(Invoice.account == account, Invoice.status == "overdue")
        .order_by(Invoice.due_date)
        .get()
    )
    for status in UNPAID:
        for which, last in ((None, None), ("overdue", None), ("sent", after), (None, after)):
            where, values = unpaid_page(account, status, which, TODAY, last, 21)
            told = plan(fixed_sql.select_with(Invoice, "customer", where), values)
            assert "invoice_account_id_status_due_date_id" in told, told
            assert "Seq Scan on invoice" not in told.replace('"', ""), told
            assert "SCAN t" not in told, told
            assert "TEMP B-TREE" not in told, told


def test_a_page_of_invoices_not_yet_due_starts_at_its_cursor(database_url):
    """Given a cursor after today, then the page starts there, and does not read all rows since
    today.
    """
    account = many_invoices()
    after = (
        Invoice.select()
        .where(Invoice.account == account, Invoice.status == "sent", Invoice.due_date > TODAY)
        .order_by(Invoice.due_date.desc())
        .get()
    )
    where, values = unpaid_page(account, "sent", "sent", TODAY, after, 21)
    told = plan(fixed_sql.select_with(Invoice, "customer", where), values)
    begins = "(ROW(due_date, id) >" if is_postgres() else "(due_date,id)>(?,?)"
    assert begins in told, told


def test_summaries_read_only_the_accounts_own_rows(database_url):
    account = many_invoices()
    for where in (
        "",
        (
            "AND status IN ('overdue', 'sent') AND due_date <= '2026-05-31' AND due_date >="
            " '2026-05-01'"
        ),
    ):
        told = plan(
            "SELECT currency, COUNT(*), SUM(outstanding) FROM invoice WHERE account_id = ?"
            f" {where} GROUP BY currency",
            (account.id,),
        )
        assert "Seq Scan" not in told, told
        assert "SCAN invoice" not in told, told
