"""PostgreSQL cleans up early after the tables through which all work passes.

By default it waits until a fifth of a table's rows are dead. Whoever looks for what waits, every
half second, passes the dead entries of all that waited since: the more rows are kept, the more. The
lock that this takes keeps no reader and no writer waiting. A frozen copy: it does not follow the
models when they change.
"""

from peewee import PostgresqlDatabase

# the share of the rows, and the number beside it, after which it cleans up
EARLY = {
    'staged_job': ('0.01', '5000'),
    'inbox_event': ('0.01', '5000'),
    'total_change': ('0', '1000'),
}
SHARE, NUMBER = 'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold'


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        for table, (share, number) in EARLY.items():
            db.execute_sql(f'ALTER TABLE "{table}" SET ({SHARE} = {share}, {NUMBER} = {number})')


def down(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        for table in EARLY:
            db.execute_sql(f'ALTER TABLE "{table}" RESET ({SHARE}, {NUMBER})')
