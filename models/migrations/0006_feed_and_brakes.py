"""What goes out and what holds back: event feed, webhook endpoints, brakes and ceilings, backfills, reconciliations.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigAutoField, BigIntegerField, BooleanField, DateField, FloatField, ForeignKeyField, IntegerField, JSONField, Model, TextField


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class Backfill(Model):
        id = BigAutoField()
        stripe_account = TextField(default='')
        since = BigIntegerField()
        cursor = TextField(default='')
        page = IntegerField(default=0)
        newest_created = BigIntegerField(default=0)
        newest_id = TextField(default='')
        seen = IntegerField(default=0)
        missing = IntegerField(default=0)
        rate = FloatField(default=0.0)
        state = TextField(default='running')
        error = TextField(null=True)
        asked_by = TextField()
        created_at = BigIntegerField()
        finished_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'backfill'
            legacy_table_names = False
            indexes = ((('stripe_account', 'state'), False), (('state', 'id'), False))
    db.create_tables([Backfill])

    class Brake(Model):
        id = BigAutoField()
        account_id = TextField(default='')
        what = TextField()
        paused = BooleanField(default=False)
        by = TextField()
        why = TextField(default='')
        at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'brake'
            legacy_table_names = False
            indexes = ((('account_id', 'what'), True),)
    db.create_tables([Brake])

    class DailyCeiling(Model):
        id = BigAutoField()
        account_id = TextField()
        what = TextField()
        ceiling = IntegerField()
        by = TextField()
        at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'daily_ceiling'
            legacy_table_names = False
            indexes = ((('account_id', 'what'), True),)
    db.create_tables([DailyCeiling])

    class DailyTally(Model):
        id = BigAutoField()
        account_id = TextField()
        what = TextField()
        day = DateField()
        count = IntegerField(default=0)
        class Meta:
            database = db
            table_name = 'daily_tally'
            legacy_table_names = False
            indexes = ((('account_id', 'what', 'day'), True),)
    db.create_tables([DailyTally])

    class Reconciliation(Model):
        id = BigAutoField()
        stripe_account = TextField(default='')
        since = BigIntegerField()
        until = BigIntegerField()
        phase = TextField(default='payments')
        cursor = TextField(default='')
        page = IntegerField(default=0)
        compared = IntegerField(default=0)
        state = TextField(default='running')
        backfill_id = BigIntegerField(null=True)
        error = TextField(null=True)
        asked_by = TextField()
        created_at = BigIntegerField()
        finished_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'reconciliation'
            legacy_table_names = False
            indexes = ((('stripe_account', 'id'), False), (('state', 'id'), False))
    db.create_tables([Reconciliation])

    class Difference(Model):
        id = BigAutoField()
        run = ForeignKeyField(Reconciliation, on_delete='CASCADE')
        kind = TextField()
        account_id = TextField(null=True)
        invoice_id = TextField(null=True)
        subject = TextField()
        ours = BigIntegerField(default=0)
        theirs = BigIntegerField(default=0)
        currency = TextField(default='')
        state = TextField(default='open')
        found_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'difference'
            legacy_table_names = False
            indexes = ((('run', 'kind', 'subject'), True), (('account_id', 'id'), False))
    db.create_tables([Difference])

    class OutgoingEvent(Model):
        id = BigAutoField()
        event_id = TextField(unique=True)
        account_id = TextField()
        type = TextField()
        subject = TextField(default='')
        payload = JSONField()
        created_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'outgoing_event'
            legacy_table_names = False
            indexes = ((('account_id', 'id'), False), (('subject', 'id'), False))
    db.create_tables([OutgoingEvent])

    class Sighting(Model):
        id = BigAutoField()
        run = ForeignKeyField(Reconciliation, on_delete='CASCADE')
        subject = TextField()
        invoice_id = TextField(null=True)
        class Meta:
            database = db
            table_name = 'reconciliation_sighting'
            legacy_table_names = False
            indexes = ((('run', 'subject'), True),)
    db.create_tables([Sighting])

    class StripeWatermark(Model):
        stripe_account = TextField(primary_key=True)
        created = BigIntegerField()
        event_id = TextField(default='')
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'stripe_watermark'
            legacy_table_names = False
    db.create_tables([StripeWatermark])

    class WebhookEndpoint(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        url = TextField()
        events = JSONField(default=list)
        secret = TextField()
        state = TextField(default='active')
        failures = IntegerField(default=0)
        failing_since = BigIntegerField(null=True)
        quiet_until = BigIntegerField(null=True)
        last_error = TextField(null=True)
        created_at = BigIntegerField()
        disabled_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'webhook_endpoint'
            legacy_table_names = False
            indexes = ((('account', 'state'), False),)
    db.create_tables([WebhookEndpoint])

    class WebhookDelivery(Model):
        id = BigAutoField()
        event = ForeignKeyField(OutgoingEvent, on_delete='CASCADE')
        endpoint = ForeignKeyField(WebhookEndpoint, on_delete='CASCADE')
        state = TextField(default='waiting')
        attempts = IntegerField(default=0)
        tries = JSONField(default=list)
        created_at = BigIntegerField()
        settled_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'webhook_delivery'
            legacy_table_names = False
            indexes = ((('event', 'endpoint'), True), (('endpoint', 'state'), False))
    db.create_tables([WebhookDelivery])


def down(migrator, db):
    migrator.migrate(migrator.drop_table('webhook_delivery'))
    migrator.migrate(migrator.drop_table('webhook_endpoint'))
    migrator.migrate(migrator.drop_table('stripe_watermark'))
    migrator.migrate(migrator.drop_table('reconciliation_sighting'))
    migrator.migrate(migrator.drop_table('outgoing_event'))
    migrator.migrate(migrator.drop_table('difference'))
    migrator.migrate(migrator.drop_table('reconciliation'))
    migrator.migrate(migrator.drop_table('daily_tally'))
    migrator.migrate(migrator.drop_table('daily_ceiling'))
    migrator.migrate(migrator.drop_table('brake'))
    migrator.migrate(migrator.drop_table('backfill'))

