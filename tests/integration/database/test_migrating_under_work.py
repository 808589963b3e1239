"""Migrations run while the previous release works: no statement waits long behind a waiting
migration, and one that was interrupted is applied at the next try.
"""

import threading

import psycopg
import pytest

from models import migrate as migrations
from models import transactions
from models.migrate import migrate, pending
from models.transactions import execute, release_connection
from tests.running.processes import close_database
from tests.running.servers import wait_for

OF_ONE_TRANSACTION = """
def up(migrator, db):
    db.execute_sql('ALTER TABLE account ADD COLUMN odd INTEGER')
"""
OF_SEVERAL = """
atomic = False

def up(migrator, db):
    db.execute_sql('DROP INDEX CONCURRENTLY IF EXISTS odd')
    db.execute_sql('CREATE INDEX CONCURRENTLY odd ON customer (name)')
    with db.atomic():
        db.execute_sql('CREATE TABLE IF NOT EXISTS odd_too (id TEXT REFERENCES account (id))')
"""
WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"


@pytest.mark.parametrize(
    ("text", "until"),
    [(OF_ONE_TRANSACTION, "ALTER TABLE account%"), (OF_SEVERAL, "CREATE INDEX CONCURRENTLY%")],
)
def test_writes_do_not_queue_behind_a_waiting_migration(
    database_url, monkeypatch, tmp_path, text, until
):
    """Given an open transaction that has written, when a migration needs its tables, then others go
    on writing, and the migration is applied once the transaction is over.
    """
    if not transactions.is_postgres():
        pytest.skip("SQLite has one writer at a time, and no migration that waits for readers")
    (tmp_path / "9001_odd.py").write_text(text)
    monkeypatch.setattr(migrations, "DIRECTORY", tmp_path)
    applied: list[str] = []

    def migrating():
        applied.extend(migrate())
        release_connection()

    with psycopg.connect(database_url) as open_one, psycopg.connect(database_url) as other:
        open_one.execute("UPDATE account SET name = name")
        open_one.execute("UPDATE customer SET name = name")
        other.autocommit = True
        thread = threading.Thread(target=migrating, daemon=True)
        thread.start()
        wait_for(lambda: other.execute(WAITS, (until,)).fetchone(), "the migration waits")
        other.execute("SET lock_timeout = '60s'")
        for table in ("account", "customer"):
            other.execute(f"UPDATE {table} SET name = name")
        assert applied == []
        open_one.rollback()
        thread.join(240)
    assert applied == ["9001_odd"]
    assert execute("SHOW lock_timeout").fetchone()[0] == "0"


def test_a_migration_killed_before_it_was_recorded_is_applied_again(
    request, database_url, tmp_path
):
    """Given a migration that was applied but not recorded, since the process was killed, then it is
    applied again; an atomic one is recorded in its own transaction.
    """
    close_database()
    url = (
        request.getfixturevalue("postgres").create_database()
        if transactions.is_postgres()
        else f"sqlite:///{tmp_path / 'empty.db'}"
    )
    transactions.use_database(url)
    if not transactions.is_postgres():
        transactions.database.create_file()
    try:
        for one in migrations._runner().migrations():
            migrations._runner().up(one.name)
            if not getattr(one.load(), "atomic", True):
                execute("DELETE FROM schema_migration WHERE name = ?", (one.name,))
                migrations._runner().up(one.name)
        assert pending() == []
    finally:
        close_database()
        transactions.use_database(database_url)
