"""Holds on people, how they asked to be contacted, what accounts chose, and the rule of a decision.

Nothing is rewritten: each column is empty or has a default, which both databases add at once. Done again after a crash
it does no harm. A frozen copy: it does not follow the models when they change.
"""

import time

from peewee import BigIntegerField, ForeignKeyField, Model, OperationalError, PostgresqlDatabase, TextField

atomic = False

COLUMNS = (
    ('customer', 'contact_request', '{json}'),
    ('consent', 'written', '{boolean} NOT NULL DEFAULT FALSE'),
    ('account_settings', 'party', "TEXT NOT NULL DEFAULT 'first'"),
    ('account_settings', 'quiet_days', "{json} NOT NULL DEFAULT '[]'"),
    ('account_sender', 'registration', 'TEXT'),
    ('contact_decision', 'rule', "TEXT NOT NULL DEFAULT ''"),
)
TYPES = {True: {'json': 'JSONB', 'boolean': 'BOOLEAN'}, False: {'json': 'TEXT', 'boolean': 'INTEGER'}}
TRIES = 60  # for the lock of a table


def up(migrator, db):
    postgres = isinstance(db, PostgresqlDatabase)
    for table, column, kind in COLUMNS:
        only_new = 'IF NOT EXISTS ' if postgres else ''
        if not postgres and column in {each.name for each in db.get_columns(table)}:
            continue
        _alter(db, f'ALTER TABLE "{table}" ADD COLUMN {only_new}"{column}" {kind.format_map(TYPES[postgres])}')
    with db.atomic():
        db.create_tables([_hold(db)], safe=True)


def _alter(db, sql):
    """Change a table: its lock is held for a moment and waited for briefly, so that no writer waits long."""
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


def _hold(db):
    class Account(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class Customer(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'customer'
            legacy_table_names = False

    class Hold(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        customer = ForeignKeyField(Customer, on_delete='CASCADE')
        kind = TextField()
        note = TextField()
        until = BigIntegerField(null=True)
        recorded_by = TextField()
        created_at = BigIntegerField()
        lifted_at = BigIntegerField(null=True)
        lifted_by = TextField(null=True)
        class Meta:
            database = db
            table_name = 'hold'
            legacy_table_names = False
            indexes = ((('customer', 'created_at'), False),)
    return Hold


def down(migrator, db):
    with db.atomic():
        migrator.migrate(migrator.drop_table('hold'))
        for table, column, _ in COLUMNS:
            migrator.migrate(migrator.drop_column(table, column))
