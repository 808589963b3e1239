"""By what the clinic's own software knows an invoice, which is one invoice's of an account at most.

Nothing is rewritten: both databases add the column at once. Nobody waits on PostgreSQL, which
builds the index beside its writers; SQLite has its writers wait meanwhile. Done again after a crash
it does no harm. A frozen copy: it does not follow the models when they change.
"""

import time

from peewee import OperationalError, PostgresqlDatabase

atomic = False

TRIES = 60  # for the lock of the table
COLUMN = '"external_id" TEXT'
INDEX = 'invoice_account_id_external_id'


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        _alter(db, f'ALTER TABLE "invoice" ADD COLUMN IF NOT EXISTS {COLUMN}')
    elif 'external_id' not in {each.name for each in db.get_columns('invoice')}:
        _alter(db, f'ALTER TABLE "invoice" ADD COLUMN {COLUMN}')
    _drop_index(db)  # what a crash left is not valid
    db.execute_sql(
        f'CREATE UNIQUE INDEX {_beside(db)}"{INDEX}" ON "invoice" ("account_id", "external_id")'
    )


def _alter(db, sql):
    """Change the table: its lock is waited for briefly, so that no writer waits long."""
    for attempt in range(TRIES):
        try:
            with db.atomic():
                if isinstance(db, PostgresqlDatabase):
                    db.execute_sql("SET LOCAL lock_timeout = '2s'")
                db.execute_sql(sql)
        except OperationalError:
            if attempt == TRIES - 1:
                raise
            time.sleep(0.5)
        else:
            return


def _drop_index(db):
    db.execute_sql(f'DROP INDEX {_beside(db)}IF EXISTS "{INDEX}"')


def _beside(db):
    return 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''


def down(migrator, db):
    _drop_index(db)
    _alter(db, 'ALTER TABLE "invoice" DROP COLUMN "external_id"')
