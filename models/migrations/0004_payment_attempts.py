"""One open attempt per invoice, and the server-side charges made for it.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, BooleanField, ForeignKeyField, IntegerField, Model, TextField


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class Invoice(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'invoice'
            legacy_table_names = False

    class PaymentAttempt(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        invoice = ForeignKeyField(Invoice, on_delete='CASCADE')
        balance_revision = IntegerField()
        amount = BigIntegerField()
        amount_version = IntegerField(default=1)
        intent_amount = BigIntegerField(default=0)
        intent_version = IntegerField(default=0)
        currency = TextField()
        stripe_account = TextField(default='')
        intent_id = TextField(unique=True, null=True)
        receipt_email = TextField(null=True)
        stripe_customer_id = TextField(null=True)
        state = TextField(default='planned')
        error = TextField(null=True)
        asked_by = TextField()
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'payment_attempt'
            legacy_table_names = False
            indexes = ((('state', 'updated_at'), False),)
    db.create_tables([PaymentAttempt])
    db.execute_sql("""CREATE UNIQUE INDEX "payment_attempt_live" ON "payment_attempt" ("invoice_id") WHERE state IN ('planned', 'open')""")

    class PaymentConfirmation(Model):
        id = TextField(primary_key=True)
        attempt = ForeignKeyField(PaymentAttempt, on_delete='CASCADE')
        amount = BigIntegerField()
        payment_method_id = TextField(null=True)
        by_phone = BooleanField(default=False)
        off_session = BooleanField(default=False)
        call_id = TextField(null=True)
        state = TextField(default='requested')
        decline_code = TextField(null=True)
        error = TextField(null=True)
        asked_by = TextField()
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'payment_confirmation'
            legacy_table_names = False
    db.create_tables([PaymentConfirmation])
    db.execute_sql("""CREATE UNIQUE INDEX "payment_confirmation_running" ON "payment_confirmation" ("attempt_id") WHERE state = 'requested'""")


def down(migrator, db):
    migrator.migrate(migrator.drop_table('payment_confirmation'))
    migrator.migrate(migrator.drop_table('payment_attempt'))
