"""What the agent's tools did in calls, tries to be verified, keypad payments, and what accounts
chose about them.

A frozen copy: it does not follow the models when they change.
"""

import time

from peewee import (
    BigIntegerField,
    BooleanField,
    ForeignKeyField,
    IntegerField,
    Model,
    OperationalError,
    PostgresqlDatabase,
    TextField,
)

atomic = False

FAILED_TRY = (
    'CREATE INDEX IF NOT EXISTS "tool_call_failed_try" ON "tool_call" ("customer_id", "created_at")'
    " WHERE tool = 'verifyCaller' AND failed"
)
OPEN_SESSION = (
    'CREATE UNIQUE INDEX IF NOT EXISTS "keypad_session_open" ON "keypad_session" ("call_id")'
    " WHERE state IN ('starting', 'capturing', 'completing')"
)
COLUMNS = (
    ('account_settings', 'keypad_payments', '{boolean} NOT NULL DEFAULT FALSE'),
    ('account_settings', 'send_project', '{boolean} NOT NULL DEFAULT FALSE'),
)
TYPES = {True: 'BOOLEAN', False: 'INTEGER'}
TRIES = 60  # for the lock of a table


def up(migrator, db):
    postgres = isinstance(db, PostgresqlDatabase)
    for table, column, kind in COLUMNS:
        only_new = 'IF NOT EXISTS ' if postgres else ''
        if not postgres and column in {each.name for each in db.get_columns(table)}:
            continue
        _alter(db, f'ALTER TABLE "{table}" ADD COLUMN {only_new}"{column}" {kind.format(boolean=TYPES[postgres])}')
    with db.atomic():
        db.create_tables(_tables(db), safe=True)
        db.execute_sql(FAILED_TRY)
        db.execute_sql(OPEN_SESSION)


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


def _tables(db):
    class Account(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class Call(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'call'
            legacy_table_names = False

    class Invoice(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'invoice'
            legacy_table_names = False

    class ToolCall(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        call = ForeignKeyField(Call, on_delete='CASCADE')
        tool = TextField()
        tool_call_id = TextField()
        wish = TextField()
        customer_id = TextField(null=True)
        invoice_id = TextField(null=True)
        amount = BigIntegerField(null=True)
        subject = TextField(default='')
        answer = TextField(default='')
        failed = BooleanField(default=False)
        words = TextField(default='')
        heard = IntegerField(default=0)
        created_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'tool_call'
            legacy_table_names = False
            indexes = ((('call', 'wish'), True), (('call', 'tool_call_id'), True))

    class KeypadSession(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        call = ForeignKeyField(Call, on_delete='CASCADE')
        invoice = ForeignKeyField(Invoice, on_delete='CASCADE')
        amount = BigIntegerField()
        carrier_id = TextField()
        payment_sid = TextField(null=True, unique=True)
        state = TextField(default='starting')
        capturing = TextField(default='')
        error = TextField(default='')
        mistakes = BigIntegerField(default=0)
        confirmation_id = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'keypad_session'
            legacy_table_names = False
            indexes = ((('call', 'created_at'), False), (('account', 'id'), False))

    return [ToolCall, KeypadSession]


def down(migrator, db):
    db.execute_sql('DROP TABLE "keypad_session"')
    db.execute_sql('DROP TABLE "tool_call"')
    for table, column, _kind in COLUMNS:
        db.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
