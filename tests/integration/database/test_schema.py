"""The migrated schema equals the models' schema on both databases; migrating again, or from several
processes at once, is harmless.
"""

import pytest

from models import transactions
from models.migrate import migrate, pending
from tests.running.processes import close_database
from tests.tables import TABLES

# tables of playhouse.migrations and of SQLite's planner
BOOKKEEPING = {"schema_migration", "sqlite_stat1"}

SQLITE_INDEXES = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index'"
SQLITE_TRIGGERS = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"
POSTGRES = {
    "columns": (
        "SELECT table_name, column_name, data_type, is_nullable, column_default IS NOT NULL,"
        " is_identity FROM information_schema.columns WHERE table_schema = 'public'"
    ),
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
    ),
    "triggers": (
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal"
    ),
    "functions": (
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    ),
}


def rows(sql):
    return set(transactions.database.execute_sql(sql).fetchall())


def described():
    """Return everything that makes up the schema, as comparable values."""
    if transactions.is_postgres():
        found = {kind: rows(sql) for kind, sql in POSTGRES.items()}
    else:
        tables = sorted(transactions.database.get_tables())
        found = {
            "columns": {
                (table, *row[1:4], row[5])
                for table in tables
                for row in rows(f'PRAGMA table_info("{table}")')
            },
            "indexes": {(table, name, normal(sql)) for table, name, sql in rows(SQLITE_INDEXES)},
            "constraints": {
                (table, *row[2:7])
                for table in tables
                for row in rows(f'PRAGMA foreign_key_list("{table}")')
            },
            "triggers": rows(
                "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"
            ),
            "unique": {
                (table, row[2], row[3], row[4])
                for table in tables
                for row in rows(f'PRAGMA index_list("{table}")')
            },
        }
    return {
        kind: sorted(map(str, (row for row in found[kind] if row[0] not in BOOKKEEPING)))
        for kind in found
    }


def normal(sql):
    return None if sql is None else " ".join(sql.replace("IF NOT EXISTS ", "").split())


@pytest.fixture
def fresh_schema(database_url, request, tmp_path):
    """The schema of the same kind of database, created from the models alone."""
    if transactions.is_postgres():
        server = request.getfixturevalue("postgres")
        url = server.create_database()
    else:
        url = f"sqlite:///{tmp_path / 'fresh.db'}"
    close_database()
    transactions.use_database(url)
    if not transactions.is_postgres():
        transactions.database.create_file()
    transactions.database.create_tables(TABLES)
    described_fresh = described()
    close_database()
    transactions.use_database(database_url)
    return described_fresh


def test_migrated_and_fresh_schemas_are_equal(fresh_schema, database_url):
    migrated = described()
    assert migrated["columns"], "nothing was described"
    assert any("WHERE" in index for index in migrated["indexes"]), "partial indexes are part of it"
    for kind, expected in fresh_schema.items():
        only_migrated, only_fresh = (
            sorted(set(migrated[kind]) - set(expected)),
            sorted(set(expected) - set(migrated[kind])),
        )
        assert (only_migrated, only_fresh) == (
            [],
            [],
        ), f"{kind}: only migrated {only_migrated}, only in the models {only_fresh}"


def test_migrating_again_changes_nothing(database_url):
    before = described()
    assert pending() == []
    assert migrate() == []
    assert described() == before


def test_busy_tables_are_vacuumed_early(database_url):
    """Given a million rows in each table, then PostgreSQL vacuums after thousands of dead rows, not
    hundreds of thousands.
    """
    if not transactions.is_postgres():
        pytest.skip("is about PostgreSQL: SQLite keeps no dead rows")
    options = transactions.database.execute_sql(
        "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL AND relname IN"
        " ('staged_job', 'inbox_event', 'total_change')"
    ).fetchall()
    told = {name: dict(option.split("=") for option in of) for name, of in options}
    most = {
        name: int(of["autovacuum_vacuum_threshold"])
        + 1_000_000 * float(of["autovacuum_vacuum_scale_factor"])
        for name, of in told.items()
    }
    assert most == {"staged_job": 15_000, "inbox_event": 15_000, "total_change": 1_000}


MIGRATE = """
from models.transactions import use_database
from models.migrate import migrate
from runtime.settings import get_settings
from tests.running.without_disk import wait_for_no_disk

wait_for_no_disk()
use_database(get_settings().database_url)
migrate()
"""


def test_four_processes_migrate_at_once(request, database_url, tmp_path, processes):
    """Given four processes that migrate one database at once, then all succeed and the schema is
    complete.
    """
    expected = described()
    close_database()
    url = (
        request.getfixturevalue("postgres").create_database()
        if transactions.is_postgres()
        else f"sqlite:///{tmp_path / 'empty.db'}"
    )
    racers = [processes("-c", MIGRATE, DATABASE_URL=url) for _ in range(4)]
    assert [racer.wait(240) for racer in racers] == [0] * 4
    transactions.use_database(url)
    assert described() == expected
    close_database()
    transactions.use_database(database_url)
