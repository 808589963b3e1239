"""Bills whose content is kept are found without reading their content.

Nobody waits on PostgreSQL, which builds an index beside its writers; SQLite has its writers wait
meanwhile. Done again after a crash it does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

NAME = 'port_document_kept'


def up(migrator, db):
    down(migrator, db)  # what a crash left is not valid
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    what = '"port_document" ("created_at") WHERE content IS NOT NULL'
    db.execute_sql(f'CREATE INDEX {beside}"{NAME}" ON {what}')


def down(migrator, db):
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS "{NAME}"')
