"""The statistics given to SQLite's planner: the same in every database, and for every index."""

import logging
import sqlite3

import pytest

from models.migrate import migrate
from models.reports.figures import FAILING
from models.sqlite_statistics import ROWS
from models.transactions import execute, is_postgres

# each could also use an index of a state or an account, which would read very many rows
BY_THE_FEW = {
    "SELECT id FROM promise WHERE invoice_id IN (?, ?, ?) AND state = 'open'": "(invoice_id=?)",
    "SELECT id FROM invoice WHERE id IN (SELECT invoice_id FROM call_invoice WHERE call_id = ?)"
    " AND status IN ('overdue', 'sent') ORDER BY due_date LIMIT 5": "sqlite_autoindex_invoice_1",
    "SELECT id FROM opt_out WHERE phone = ? AND (account_id = ? OR account_id IS NULL)": (
        "opt_out_phone_at"
    ),
    FAILING: "COVERING INDEX staged_job_failed_before",
    "SELECT id FROM staged_job WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT 9": (
        "staged_job_waiting (ANY(queue) AND due_at<?)"
    ),
}


@pytest.fixture
def on_sqlite(database_url):
    if is_postgres():
        pytest.skip("PostgreSQL gathers its own")
    return database_url


def test_every_index_has_its_statistics(on_sqlite):
    """Given a migrated database, then each index has statistics, and no combination of columns
    matches more rows than a part of it.
    """
    indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name NOT LIKE 'sqlite_%'"
    told = dict(execute("SELECT idx, stat FROM sqlite_stat1").fetchall())
    assert {row[0] for row in execute(indexes).fetchall()} == set(told)
    for index, words in told.items():
        numbers = [int(word) for word in words.split()]
        assert 1 <= numbers[-1] <= numbers[0] <= ROWS, index
        assert numbers == sorted(numbers, reverse=True), index


def test_statistics_are_not_rewritten_when_migrating_again(on_sqlite, caplog):
    """Given a database with statistics, when it is migrated again, then nothing is written."""
    caplog.set_level(logging.DEBUG, logger="peewee")
    assert migrate() == []
    sent = [record.msg[0] for record in caplog.records if record.name == "peewee"]
    assert any("sqlite_stat1" in sql for sql in sent)
    assert not [sql for sql in sent if sql.startswith(("ANALYZE", "DELETE", "INSERT"))]


def test_migrating_restores_statistics_replaced_by_analyze(on_sqlite):
    """Given a database whose statistics ANALYZE has replaced, when it is migrated again, then ours
    are restored.
    """
    before = execute("SELECT COUNT(*) FROM sqlite_stat1").fetchone()
    execute("ANALYZE")
    execute("DELETE FROM sqlite_stat1 WHERE tbl = 'invoice'")
    assert execute("SELECT COUNT(*) FROM sqlite_stat1").fetchone() != before
    migrate()
    assert execute("SELECT COUNT(*) FROM sqlite_stat1").fetchone() == before


@pytest.mark.parametrize("sql", BY_THE_FEW, ids=BY_THE_FEW.values())
def test_a_new_connection_uses_the_most_selective_index(on_sqlite, sql):
    """Given a new connection, then its plan reads the few matching rows, not all of a state or an
    account.
    """
    with sqlite3.connect(on_sqlite.removeprefix("sqlite:///")) as other:
        plan = other.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")).fetchall()
    other.close()
    assert BY_THE_FEW[sql] in str(plan), plan
