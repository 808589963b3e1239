"""Look-ups of reassigned numbers: for how many days an account relies on them, and their answers.

The column has a constant default, which both databases add at once. Done again after a crash it
does no harm. A frozen copy: it does not follow the models when they change.
"""

import time

from peewee import BigIntegerField, ForeignKeyField, Model, OperationalError, PostgresqlDatabase
from peewee import TextField

atomic = False

TRIES = 60  # for the lock of the table
COLUMN = '"number_check_days" INTEGER NOT NULL DEFAULT 0'


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        _alter(db, f'ALTER TABLE "account_settings" ADD COLUMN IF NOT EXISTS {COLUMN}')
    elif 'number_check_days' not in {each.name for each in db.get_columns('account_settings')}:
        _alter(db, f'ALTER TABLE "account_settings" ADD COLUMN {COLUMN}')
    _create(db)


def _create(db):
    class Frozen(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Frozen):
        id = TextField(primary_key=True)

    class Customer(Frozen):
        id = TextField(primary_key=True)

    class NumberLookup(Frozen):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, index=False, on_delete="CASCADE")
        customer = ForeignKeyField(Customer, on_delete="CASCADE")
        phone = TextField()
        since = TextField()
        answer = TextField(default="")
        created_at = BigIntegerField()
        answered_at = BigIntegerField(null=True)

        class Meta:
            table_name = "number_lookup"
            indexes = ((("account", "phone", "since"), False), (("answered_at",), False))

    with db.atomic():
        db.create_tables([NumberLookup])


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
        db.execute_sql('DROP TABLE "number_lookup"')
        migrator.migrate(migrator.drop_column('account_settings', 'number_check_days'))
