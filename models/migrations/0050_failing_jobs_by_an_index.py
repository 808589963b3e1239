"""Jobs that failed and are tried again are counted from the index alone.

SQLite took the index of all jobs by state instead of `staged_job_failing`, which lacks two of the
columns that the count reads, and so read every waiting job at each scrape. On PostgreSQL nobody
waits, because the index is built beside writers; on SQLite writers wait meanwhile. Running it again
after a crash does no harm. A frozen copy.
"""

from peewee import PostgresqlDatabase

atomic = False

BEFORE, NAME = 'staged_job_failing', 'staged_job_failed_before'


def up(migrator, db):
    _replace(db, NAME, '"state", "name", "attempts"', BEFORE)


def down(migrator, db):
    _replace(db, BEFORE, '"name"', NAME)


def _replace(db, wanted, columns, unwanted):
    beside = 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS "{wanted}"')  # what a crash left is not valid
    where = "WHERE state = 'waiting' AND attempts > 0"
    db.execute_sql(f'CREATE INDEX {beside}"{wanted}" ON "staged_job" ({columns}) {where}')
    db.execute_sql(f'DROP INDEX {beside}IF EXISTS "{unwanted}"')
