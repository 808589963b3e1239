"""Invoices that fall due are found in an order that no two share, so that a sweep goes on where it
has stopped.

Nobody waits while an index is built. Done again after a crash it does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

BEFORE = '"invoice_status_due_date"', '("status", "due_date")'
SINCE = '"invoice_status_due_date_id"', '("status", "due_date", "id")'


def up(migrator, db):
    _exchange(db, BEFORE, SINCE)


def down(migrator, db):
    _exchange(db, SINCE, BEFORE)


def _exchange(db, old, new):
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    name, columns = new
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS {name}')  # what a crash left is not valid
    db.execute_sql(f'CREATE INDEX {beside}{name} ON "invoice" {columns}')
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS {old[0]}')
