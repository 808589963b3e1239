"""Who is contacted next, and what was planned: the ladder, drafts, and the accounts' choices about them.

Whoever owes something overdue is looked at by the first scan. Nothing else is rewritten. Done again after a crash it
does no harm. A frozen copy: it does not follow the models when they change.
"""

import time

from peewee import (
    SQL,
    BigIntegerField,
    CompositeKey,
    DateField,
    ForeignKeyField,
    IntegerField,
    Model,
    OperationalError,
    PostgresqlDatabase,
    TextField,
)

atomic = False

COLUMNS = (
    ('account_settings', 'ladder', '{json}'),
    ('account_settings', 'first_contacts', "TEXT NOT NULL DEFAULT 'draft'"),
)
TYPES = {True: {'json': 'JSONB'}, False: {'json': 'TEXT'}}
TRIES = 60  # for the lock of a table
TABLES = ('planned_contact_invoice', 'planned_contact', 'contact_course')
OVERDUE = """
INSERT INTO contact_course (customer_id, account_id, next_at, version, channel, code, reason)
SELECT DISTINCT customer_id, account_id, 0, 1, '', '', '' FROM invoice WHERE status = 'overdue'
ON CONFLICT (customer_id) DO NOTHING
"""


def up(migrator, db):
    postgres = isinstance(db, PostgresqlDatabase)
    for table, column, kind in COLUMNS:
        only_new = 'IF NOT EXISTS ' if postgres else ''
        if not postgres and column in {each.name for each in db.get_columns(table)}:
            continue
        _alter(db, f'ALTER TABLE "{table}" ADD COLUMN {only_new}"{column}" {kind.format_map(TYPES[postgres])}')
    with db.atomic():
        db.create_tables(_tables(db), safe=True)
        db.execute_sql(OVERDUE)


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
    class Named(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            legacy_table_names = False

    class Account(Named):
        class Meta:
            table_name = 'account'

    class Customer(Named):
        class Meta:
            table_name = 'customer'

    class Invoice(Named):
        class Meta:
            table_name = 'invoice'

    class ContactCourse(Model):
        customer = ForeignKeyField(Customer, primary_key=True, on_delete='CASCADE')
        account = ForeignKeyField(Account, on_delete='CASCADE', index=False)
        next_at = BigIntegerField(null=True)
        version = IntegerField()
        channel = TextField()
        contact_at = BigIntegerField(null=True)
        code = TextField()
        reason = TextField()
        class Meta:
            database = db
            table_name = 'contact_course'
            legacy_table_names = False
            indexes = ((('account', 'customer'), False),)

    ContactCourse.add_index(ContactCourse.index(
        ContactCourse.next_at, ContactCourse.customer, where=SQL('next_at IS NOT NULL'), name='contact_course_due'))

    class PlannedContact(Named):
        account = ForeignKeyField(Account, on_delete='CASCADE', index=False)
        customer = ForeignKeyField(Customer, on_delete='CASCADE', index=False)
        channel = TextField()
        days = IntegerField()
        template = TextField()
        purpose = TextField()
        state = TextField()
        code = TextField()
        reason = TextField()
        message_id = TextField(null=True)
        call_id = TextField(null=True)
        work_item_id = TextField(null=True)
        asked_by = TextField()
        created_at = BigIntegerField()
        expires_at = BigIntegerField(null=True)
        performed_at = BigIntegerField(null=True)
        class Meta:
            table_name = 'planned_contact'
            indexes = ((('customer', 'created_at'), False), (('account', 'performed_at'), False))

    PlannedContact.add_index(PlannedContact.index(
        PlannedContact.customer, unique=True, where=SQL("state IN ('draft', 'approved')"), name='planned_contact_open'))
    PlannedContact.add_index(PlannedContact.index(
        PlannedContact.message_id, where=SQL('message_id IS NOT NULL'), name='planned_contact_message'))

    class PlannedContactInvoice(Model):
        planned_contact = ForeignKeyField(PlannedContact, on_delete='CASCADE', index=False)
        invoice = ForeignKeyField(Invoice, on_delete='CASCADE')
        climbed = IntegerField()
        due_on = DateField()
        class Meta:
            database = db
            table_name = 'planned_contact_invoice'
            legacy_table_names = False
            primary_key = CompositeKey('planned_contact', 'invoice')
    return [ContactCourse, PlannedContact, PlannedContactInvoice]


def down(migrator, db):
    with db.atomic():
        for table in TABLES:
            migrator.migrate(migrator.drop_table(table))
        for table, column, _ in COLUMNS:
            migrator.migrate(migrator.drop_column(table, column))
