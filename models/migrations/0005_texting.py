"""Texting: senders, templates, texts; consents, wishes to stop, closed numbers, and what the contact gate decided.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigAutoField, BigIntegerField, BooleanField, ForeignKeyField, IntegerField, JSONField, Model, TextField


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

    class AccountSender(Model):
        account = ForeignKeyField(Account, primary_key=True, on_delete='CASCADE')
        provider = TextField(default='twilio')
        messaging_service_sid = TextField(index=True, null=True)
        from_number = TextField(index=True, null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'account_sender'
            legacy_table_names = False
    db.create_tables([AccountSender])

    class Consent(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        customer = ForeignKeyField(Customer, on_delete='CASCADE')
        phone = TextField()
        channels = JSONField()
        source = TextField()
        text = TextField()
        text_version = TextField()
        given_at = BigIntegerField()
        revoked_at = BigIntegerField(null=True)
        revoked_why = TextField(null=True)
        recorded_by = TextField()
        created_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'consent'
            legacy_table_names = False
            indexes = ((('account', 'phone'), False), (('customer', 'created_at'), False),)
    db.create_tables([Consent])

    class ContactDecision(Model):
        id = TextField(primary_key=True)
        account_id = TextField()
        customer_id = TextField()
        invoice_id = TextField(null=True)
        channel = TextField()
        phone = TextField(null=True)
        allowed = BooleanField()
        code = TextField(default='')
        reason = TextField(default='')
        until = BigIntegerField(null=True)
        next_at = BigIntegerField(null=True)
        effect_id = TextField(null=True)
        asked_by = TextField()
        at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'contact_decision'
            legacy_table_names = False
            indexes = ((('customer_id', 'at'), False), (('invoice_id', 'at'), False), (('account_id', 'at'), False),)
    db.create_tables([ContactDecision])

    class Message(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        customer = ForeignKeyField(Customer, on_delete='CASCADE')
        invoice = ForeignKeyField(Invoice, null=True, on_delete='CASCADE')
        kind = TextField()
        to = TextField(column_name='to_number')
        sender = TextField(default='')
        language = TextField(default='en')
        body = TextField(default='')
        segments = IntegerField(default=0)
        status = TextField(default='waiting')
        tries = IntegerField(default=0)
        effect_id = TextField(null=True)
        sid = TextField(unique=True, null=True)
        error_code = TextField(null=True)
        error = TextField(null=True)
        asked_by = TextField()
        created_at = BigIntegerField()
        sent_at = BigIntegerField(null=True)
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'message'
            legacy_table_names = False
            indexes = ((('invoice', 'created_at'), False), (('customer', 'created_at'), False), (('account', 'to', 'sent_at'), False), (('effect_id',), False), (('status', 'updated_at'), False),)
    db.create_tables([Message])

    class MessageTemplate(Model):
        id = BigAutoField()
        account = ForeignKeyField(Account, on_delete='CASCADE')
        language = TextField()
        kind = TextField()
        body = TextField()
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'message_template'
            legacy_table_names = False
            indexes = ((('account', 'language', 'kind'), True),)
    db.create_tables([MessageTemplate])

    class OptOut(Model):
        id = TextField(primary_key=True)
        account_id = TextField(null=True)
        sender = TextField(default='')
        phone = TextField()
        wish = TextField(default='stop')
        channels = JSONField()
        words = TextField(default='')
        source = TextField()
        reference = TextField(null=True)
        recorded_by = TextField()
        at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'opt_out'
            legacy_table_names = False
            indexes = ((('phone', 'at'), False), (('account_id', 'at'), False),)
    db.create_tables([OptOut])

    class PhoneSuppression(Model):
        id = BigAutoField()
        account_id = TextField()
        phone = TextField()
        channel = TextField()
        code = TextField()
        reason = TextField()
        at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'phone_suppression'
            legacy_table_names = False
            indexes = ((('account_id', 'phone', 'channel'), True),)
    db.create_tables([PhoneSuppression])


def down(migrator, db):
    migrator.migrate(migrator.drop_table('phone_suppression'))
    migrator.migrate(migrator.drop_table('opt_out'))
    migrator.migrate(migrator.drop_table('message_template'))
    migrator.migrate(migrator.drop_table('message'))
    migrator.migrate(migrator.drop_table('contact_decision'))
    migrator.migrate(migrator.drop_table('consent'))
    migrator.migrate(migrator.drop_table('account_sender'))
