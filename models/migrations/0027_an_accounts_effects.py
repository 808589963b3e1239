"""The effects that are about an account and no invoice are found without reading the others.

Nobody waits: PostgreSQL builds the index beside its writers. Done again after a crash it does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

INDEX = '"effect_of_account" ON "effect" ("account_id", "created_at") WHERE invoice_id IS NULL'


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql('DROP INDEX CONCURRENTLY IF EXISTS effect_of_account')  # what a crash left is not valid
        db.execute_sql(f'CREATE INDEX CONCURRENTLY {INDEX}')
        return
    db.execute_sql(f'CREATE INDEX IF NOT EXISTS {INDEX}')


def down(migrator, db):
    db.execute_sql('DROP INDEX effect_of_account')
