"""What waits for a person, and promises to pay; texts are found by who got them.

Nobody waits: PostgreSQL builds the index beside its writers. Done again after a crash it does no harm. A frozen copy: it
does not follow the models when they change.
"""

from peewee import SQL, BigIntegerField, DateField, ForeignKeyField, JSONField, Model, PostgresqlDatabase, TextField

atomic = False

TO, ON = 'message_to_number_sent_at', 'ON "message" ("to_number", "sent_at")'


def _named(db, name):
    class Meta:
        database = db
        table_name = name
        legacy_table_names = False

    return type(name.capitalize(), (Model,), {'id': TextField(primary_key=True), 'Meta': Meta})


def up(migrator, db):
    whose, who, what = (_named(db, name) for name in ('account', 'customer', 'invoice'))

    class WorkItem(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(whose, on_delete='CASCADE')
        kind = TextField()
        subject = TextField()
        customer = ForeignKeyField(who, null=True, on_delete='CASCADE')
        invoice = ForeignKeyField(what, null=True, on_delete='CASCADE')
        words = TextField()
        suggested = TextField(default='')
        owner = TextField(null=True)
        due_at = BigIntegerField(null=True)
        context = JSONField(default=dict)
        state = TextField(default='open')
        resolution = TextField(null=True)
        note = TextField(default='')
        resolved_by = TextField(null=True)
        resolved_at = BigIntegerField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'work_item'
            legacy_table_names = False
            indexes = (
                (('kind', 'subject'), True),
                (('account', 'state', 'kind', 'id'), False),
                (('account', 'state', 'id'), False),
                (('account', 'id'), False),
                (('invoice', 'id'), False),
                (('customer', 'id'), False),
            )

    WorkItem.add_index(WorkItem.index(WorkItem.kind, where=SQL("state = 'open'"), name='work_item_open'))

    class Promise(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(whose, on_delete='CASCADE')
        customer = ForeignKeyField(who, on_delete='CASCADE')
        invoice = ForeignKeyField(what, on_delete='CASCADE')
        amount = BigIntegerField()
        currency = TextField()
        promised_for = DateField()
        decided_from = BigIntegerField()
        paid_before = BigIntegerField()
        paid = BigIntegerField(default=0)
        state = TextField(default='open')
        recorded_by = TextField()
        settled_at = BigIntegerField(null=True)
        follow_up = TextField(default='')
        follow_at = BigIntegerField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'promise'
            legacy_table_names = False
            indexes = (
                (('invoice', 'id'), False),
                (('account', 'id'), False),
                (('customer', 'id'), False),
                (('state', 'decided_from', 'id'), False),
            )

    Promise.add_index(
        Promise.index(Promise.invoice, unique=True, where=SQL("state = 'open'"), name='promise_open')
    )
    Promise.add_index(
        Promise.index(Promise.follow_at, where=SQL('follow_at IS NOT NULL'), name='promise_to_follow_up')
    )
    with db.atomic():
        db.create_tables([WorkItem, Promise], safe=True)
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql(f'DROP INDEX CONCURRENTLY IF EXISTS {TO}')  # what a crash left is not valid
        db.execute_sql(f'CREATE INDEX CONCURRENTLY "{TO}" {ON}')
        return
    db.execute_sql(f'CREATE INDEX IF NOT EXISTS "{TO}" {ON}')


def down(migrator, db):
    db.execute_sql(f'DROP INDEX IF EXISTS {TO}')
    for table in ('promise', 'work_item'):
        db.execute_sql(f'DROP TABLE "{table}"')
