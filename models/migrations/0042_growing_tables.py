"""What a table costs as it grows: PostgreSQL cleans up early after those through which all work
passes, and what a comparison with Stripe looks at is found by when it came.

By default PostgreSQL waits until a fifth of a table's rows are dead. Whoever looks for what waits,
every half second, passes the dead entries of all that waited since: the more rows are kept, the
more. Nobody waits for the lock of these settings, nor while an index is built. Done again after a
crash it does no harm. A frozen copy: it does not follow the models when they change.
"""

from peewee import PostgresqlDatabase

atomic = False

# the share of the rows, and the number beside it, after which PostgreSQL cleans up
EARLY = {
    'staged_job': ('0.01', '5000'),
    'inbox_event': ('0.01', '5000'),
    'total_change': ('0', '1000'),
}
SHARE, NUMBER = 'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold'
COMPARED = ('payment', 'refund')


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        for table, (share, number) in EARLY.items():
            db.execute_sql(f'ALTER TABLE "{table}" SET ({SHARE} = {share}, {NUMBER} = {number})')
    for table in COMPARED:
        _drop(db, table)  # what a crash left is not valid
        db.execute_sql(
            f'CREATE INDEX {_beside(db)}"{_name(table)}" ON "{table}"'
            ' ("stripe_account", "created_at")'
        )


def down(migrator, db):
    for table in COMPARED:
        _drop(db, table)
    if isinstance(db, PostgresqlDatabase):
        for table in EARLY:
            db.execute_sql(f'ALTER TABLE "{table}" RESET ({SHARE}, {NUMBER})')


def _drop(db, table):
    db.execute_sql(f'DROP INDEX {_beside(db)}IF EXISTS "{_name(table)}"')


def _beside(db):
    return 'CONCURRENTLY ' if isinstance(db, PostgresqlDatabase) else ''


def _name(table):
    return f'{table}_stripe_account_created_at'
