"""The spine: accounts, customers, invoices, facts about money, the inbox and the job table.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigAutoField, BigIntegerField, BooleanField, DateField, ForeignKeyField, IntegerField, JSONField, Model, TextField


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)
        name = TextField()
        time_zone = TextField(default='America/New_York')
        stripe_account = TextField(unique=True, null=True)
        created_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False
    db.create_tables([Account])

    class ApiKey(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, null=True, on_delete='CASCADE')
        hash = TextField(unique=True)
        name = TextField()
        created_at = BigIntegerField()
        revoked_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'api_key'
            legacy_table_names = False
    db.create_tables([ApiKey])

    class Customer(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        name = TextField()
        phone = TextField(null=True)
        email = TextField(null=True)
        address = JSONField(null=True)
        time_zone = TextField(null=True)
        language = TextField(default='en')
        external_id = TextField(null=True)
        stripe_customer_id = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'customer'
            legacy_table_names = False
            indexes = ((('account', 'external_id'), True), (('account', 'id'), False), (('account', 'phone'), False))
    db.create_tables([Customer])

    class IdempotencyKey(Model):
        id = TextField(primary_key=True)
        scope = TextField()
        key = TextField()
        digest = TextField()
        status = IntegerField(null=True)
        answer = TextField(null=True)
        location = TextField(null=True)
        reference = TextField(null=True)
        created_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'idempotency_key'
            legacy_table_names = False
            indexes = ((('scope', 'key'), True), (('created_at',), False))
    db.create_tables([IdempotencyKey])

    class InboxEvent(Model):
        id = BigAutoField()
        provider = TextField()
        account = TextField(default='')
        event_id = TextField()
        type = TextField()
        payload = TextField()
        received_at = BigIntegerField()
        processed_at = BigIntegerField(null=True)
        outcome = TextField(null=True)
        reason = TextField(null=True)
        invoice_id = TextField(null=True)
        class Meta:
            database = db
            table_name = 'inbox_event'
            legacy_table_names = False
            indexes = ((('provider', 'account', 'event_id'), True), (('outcome', 'id'), False), (('invoice_id',), False))
    db.create_tables([InboxEvent])

    class Invoice(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        customer = ForeignKeyField(Customer, on_delete='RESTRICT')
        number = TextField()
        project = TextField(null=True)
        currency = TextField()
        amount_due = BigIntegerField()
        due_date = DateField()
        mark = TextField(default='draft')
        status = TextField(default='draft')
        amount_received = BigIntegerField(default=0)
        amount_returned = BigIntegerField(default=0)
        amount_paid = BigIntegerField(default=0)
        outstanding = BigIntegerField()
        overpaid = BigIntegerField(default=0)
        disputed = BooleanField(default=False)
        mismatched = BooleanField(default=False)
        notes = TextField(default='')
        balance_revision = IntegerField(default=0)
        version = IntegerField(default=0)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'invoice'
            legacy_table_names = False
            indexes = ((('account', 'number'), True), (('account', 'status', 'due_date', 'id'), False), (('account', 'customer'), False), (('account', 'updated_at'), False), (('status', 'due_date'), False))
    db.create_tables([Invoice])

    class Payment(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        invoice = ForeignKeyField(Invoice, on_delete='CASCADE')
        method = TextField(default='stripe')
        stripe_account = TextField(default='')
        intent_id = TextField(null=True)
        reference = TextField(null=True)
        terminal = TextField(default='')
        status = TextField(default='pending')
        amount = BigIntegerField(default=0)
        amount_received = BigIntegerField(default=0)
        currency = TextField()
        charges = JSONField(default=dict)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'payment'
            legacy_table_names = False
            indexes = ((('stripe_account', 'intent_id'), True), (('invoice', 'method', 'reference'), True), (('account', 'created_at'), False))
    db.create_tables([Payment])

    class Refund(Model):
        refund_id = TextField(primary_key=True)
        stripe_account = TextField(default='')
        intent_id = TextField()
        amount = BigIntegerField()
        currency = TextField()
        status = TextField()
        failure_reason = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'refund'
            legacy_table_names = False
            indexes = ((('stripe_account', 'intent_id'), False),)
    db.create_tables([Refund])

    class StagedJob(Model):
        id = BigAutoField()
        name = TextField()
        key = TextField()
        args = TextField(default='[]')
        queue = TextField()
        state = TextField(default='waiting')
        attempts = IntegerField(default=0)
        max_attempts = IntegerField()
        claim = IntegerField(default=0)
        due_at = BigIntegerField()
        lease_until = BigIntegerField(null=True)
        pushed_at = BigIntegerField(null=True)
        worker = TextField(null=True)
        last_error = TextField(null=True)
        request_id = TextField(null=True)
        created_at = BigIntegerField()
        finished_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'staged_job'
            legacy_table_names = False
            indexes = ((('name', 'key'), True), (('state', 'name', 'id'), False))
    db.create_tables([StagedJob])
    for name, column, state in (("waiting", 'queue", "due_at', "waiting"), ("running", "lease_until", "running"), ("done", "finished_at", "done")):
        db.execute_sql(f'CREATE INDEX "staged_job_{name}" ON "staged_job" ("{column}") WHERE state = \'{state}\'')


def down(migrator, db):
    migrator.migrate(migrator.drop_table('staged_job'))
    migrator.migrate(migrator.drop_table('refund'))
    migrator.migrate(migrator.drop_table('payment'))
    migrator.migrate(migrator.drop_table('invoice'))
    migrator.migrate(migrator.drop_table('inbox_event'))
    migrator.migrate(migrator.drop_table('idempotency_key'))
    migrator.migrate(migrator.drop_table('customer'))
    migrator.migrate(migrator.drop_table('api_key'))
    migrator.migrate(migrator.drop_table('account'))
