"""Calls, which invoices each is about, and the slots that those under way hold.

A frozen copy: it does not follow the models when they change.
"""

from peewee import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    TextField,
)

TABLES = ('call_slot', 'call_invoice', 'call')
OPEN = (
    'CREATE INDEX "call_open" ON "call" ("updated_at") WHERE reported_at IS NULL'
    " AND state NOT IN ('refused', 'cancelled')"
)
SAID = (
    'CREATE INDEX "call_said" ON "call" ("created_at")'
    " WHERE transcript <> '' OR summary <> '' OR is_recorded"
)


def up(migrator, db):
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

    class Invoice(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'invoice'
            legacy_table_names = False

    class Call(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        customer = ForeignKeyField(Customer, null=True, on_delete='CASCADE')
        direction = TextField(default='outbound')
        from_number = TextField(default='')
        to = TextField(column_name='to_number')
        phone_number_id = TextField(default='')
        language = TextField(default='en')
        reason = TextField()
        asked_by = TextField()
        planned_contact_id = TextField(null=True)
        asked_for = BooleanField(default=False)
        state = TextField(default='waiting')
        tries = IntegerField(default=0)
        effect_id = TextField(null=True)
        vapi_id = TextField(null=True, unique=True)
        carrier_id = TextField(null=True)
        decision_id = TextField(null=True)
        is_blocked = BooleanField(default=False)
        attempted_at = BigIntegerField(null=True)
        deadline = BigIntegerField(null=True)
        verified_at = BigIntegerField(null=True)
        started_at = BigIntegerField(null=True)
        ended_at = BigIntegerField(null=True)
        reported_at = BigIntegerField(null=True)
        ended_reason = TextField(default='')
        outcome = TextField(default='')
        said = JSONField(null=True)
        summary = TextField(default='')
        transcript = TextField(default='')
        is_recorded = BooleanField(default=False)
        cost = BigIntegerField(null=True)
        error_code = TextField(null=True)
        error = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'call'
            legacy_table_names = False
            indexes = (
                (('account', 'id'), False),
                (('account', 'attempted_at'), False),
                (('account', 'to', 'attempted_at'), False),
                (('customer', 'attempted_at'), False),
                (('customer', 'created_at'), False),
                (('effect_id',), False),
            )

    class CallInvoice(Model):
        id = BigAutoField()
        call = ForeignKeyField(Call, on_delete='CASCADE')
        invoice = ForeignKeyField(Invoice, on_delete='CASCADE')

        class Meta:
            database = db
            table_name = 'call_invoice'
            legacy_table_names = False
            indexes = ((('call', 'invoice'), True), (('invoice', 'call'), False))

    class CallSlot(Model):
        number = IntegerField(primary_key=True)
        call_id = TextField(unique=True)
        leased_until = BigIntegerField()

        class Meta:
            database = db
            table_name = 'call_slot'
            legacy_table_names = False

    db.create_tables([Call, CallInvoice, CallSlot])
    db.execute_sql(OPEN)
    db.execute_sql(SAID)


def down(migrator, db):
    for table in TABLES:
        db.execute_sql(f'DROP TABLE "{table}"')
