"""For how many days an account relies on a consent.

The column has a constant default, which both databases add at once. Done again after a crash it
does no harm. A frozen copy: it does not follow the models when they change.
"""

import time

from peewee import OperationalError, PostgresqlDatabase

atomic = False

TRIES = 60  # for the lock of the table
COLUMN = '"consent_days" INTEGER NOT NULL DEFAULT 0'


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        _alter(db, f'ALTER TABLE "account_settings" ADD COLUMN IF NOT EXISTS {COLUMN}')
    elif 'consent_days' not in {each.name for each in db.get_columns('account_settings')}:
        _alter(db, f'ALTER TABLE "account_settings" ADD COLUMN {COLUMN}')


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


def down(migrator, db):
    with db.atomic():
        migrator.migrate(migrator.drop_column('account_settings', 'consent_days'))
