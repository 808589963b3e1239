"""Whose number it is, or who asked to be contacted there, is found without reading everybody.

Nobody waits on PostgreSQL, which builds an index beside its writers; SQLite has its writers wait
meanwhile. Done again after a crash it does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

INDEXES = {
    'customer_at_phone': '"phone"',
    'customer_asked_for_phone': "(\"contact_request\" ->> 'phone')",
}


def up(migrator, db):
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    for name, what in INDEXES.items():
        _drop(db, name)  # what a crash left is not valid
        db.execute_sql(f'CREATE INDEX {beside}"{name}" ON "customer" ({what})')


def _drop(db, name):
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS "{name}"')


def down(migrator, db):
    for name in INDEXES:
        _drop(db, name)
