"""Calls that are followed, and those that were given up, are found without reading each other.

Nobody waits: PostgreSQL builds an index beside its writers. Done again after a crash it does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

INDEXES = {
    'call_followed': "reported_at IS NULL AND state NOT IN ('refused', 'cancelled', 'unknown')",
    'call_given_up': "reported_at IS NULL AND state = 'unknown' AND vapi_id IS NOT NULL",
}
OPEN = "reported_at IS NULL AND state NOT IN ('refused', 'cancelled')"


def up(migrator, db):
    for name, where in INDEXES.items():
        _index(db, name, where)
    _drop(db, 'call_open')


def _index(db, name, where):
    _drop(db, name)  # what a crash left is not valid
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    db.execute_sql(f'CREATE INDEX {beside}"{name}" ON "call" ("updated_at") WHERE {where}')


def _drop(db, name):
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS "{name}"')


def down(migrator, db):
    _index(db, 'call_open', OPEN)
    for name in INDEXES:
        _drop(db, name)
