"""Jobs that failed and are tried again are counted without reading those that wait.

Nobody waits on PostgreSQL, which builds an index beside its writers; SQLite has its writers wait
meanwhile. Done again after a crash it does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

NAME = 'staged_job_failing'


def up(migrator, db):
    down(migrator, db)  # what a crash left is not valid
    what = "\"staged_job\" (\"name\") WHERE state = 'waiting' AND attempts > 0"
    db.execute_sql(f'CREATE INDEX {_beside(db)}"{NAME}" ON {what}')


def _beside(db):
    return 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''


def down(migrator, db):
    db.execute_sql(f'DROP INDEX {_beside(db)}IF EXISTS "{NAME}"')
