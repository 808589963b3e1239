"""The effects ledger and its first users: payment links, our addresses of them, refunds; and disputes.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, ForeignKeyField, IntegerField, JSONField, Model, TextField

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

    class Payment(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'payment'
            legacy_table_names = False

    class Dispute(Model):
        dispute_id = TextField(primary_key=True)
        stripe_account = TextField(default='')
        intent_id = TextField()
        amount = BigIntegerField()
        currency = TextField()
        reason = TextField(default='')
        status = TextField()
        due_by = BigIntegerField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'dispute'
            legacy_table_names = False
            indexes = ((('stripe_account', 'intent_id'), False), (('status',), False))
    db.create_tables([Dispute])

    class DisputeMovement(Model):
        balance_transaction_id = TextField(primary_key=True)
        dispute_id = TextField(index=True)
        stripe_account = TextField(default='')
        intent_id = TextField()
        amount = BigIntegerField()
        currency = TextField()
        created_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'dispute_movement'
            legacy_table_names = False
            indexes = ((('stripe_account', 'intent_id'), False),)
    db.create_tables([DisputeMovement])

    class Effect(Model):
        id = TextField(primary_key=True)
        kind = TextField()
        key = TextField(unique=True)
        provider = TextField()
        account_id = TextField(null=True)
        invoice_id = TextField(null=True)
        stripe_account = TextField(default='')
        request = JSONField()
        state = TextField(default='sending')
        generation = IntegerField(default=1)
        provider_id = TextField(null=True)
        answer = JSONField(null=True)
        error_code = TextField(null=True)
        error = TextField(null=True)
        asked_by = TextField()
        reason = TextField()
        deadline = BigIntegerField()
        created_at = BigIntegerField()
        sent_at = BigIntegerField(null=True)
        settled_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'effect'
            legacy_table_names = False
            indexes = ((('state', 'created_at'), False), (('invoice_id', 'created_at'), False), (('account_id', 'created_at'), False))
    db.create_tables([Effect])

    class PayAddress(Model):
        token = TextField(primary_key=True)
        invoice = ForeignKeyField(Invoice, unique=True, on_delete='CASCADE')
        expires_at = BigIntegerField()
        created_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'pay_address'
            legacy_table_names = False
    db.create_tables([PayAddress])

    class PaymentLink(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        invoice = ForeignKeyField(Invoice, on_delete='CASCADE')
        balance_revision = IntegerField()
        amount = BigIntegerField()
        currency = TextField()
        stripe_account = TextField(default='')
        stripe_link_id = TextField(unique=True, null=True)
        url = TextField(null=True)
        state = TextField(default='planned')
        error = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'payment_link'
            legacy_table_names = False
            indexes = ((('invoice', 'balance_revision'), False), (('state', 'updated_at'), False))
    db.create_tables([PaymentLink])
    db.execute_sql("""CREATE UNIQUE INDEX "payment_link_live" ON "payment_link" ("invoice_id") WHERE state IN ('planned', 'active')""")

    class RefundRequest(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        payment = ForeignKeyField(Payment, on_delete='CASCADE')
        amount = BigIntegerField()
        reason = TextField(null=True)
        asked_by = TextField()
        state = TextField(default='requested')
        refund_id = TextField(unique=True, null=True)
        error = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'refund_request'
            legacy_table_names = False
            indexes = ((('payment', 'state'), False),)
    db.create_tables([RefundRequest])


def down(migrator, db):
    migrator.migrate(migrator.drop_table('refund_request'))
    migrator.migrate(migrator.drop_table('payment_link'))
    migrator.migrate(migrator.drop_table('pay_address'))
    migrator.migrate(migrator.drop_table('effect'))
    migrator.migrate(migrator.drop_table('dispute_movement'))
    migrator.migrate(migrator.drop_table('dispute'))
