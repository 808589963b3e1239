"""Going live: what a clinic configured, its card, its deployments with their steps, numbers and what they made.

A frozen copy: it does not follow the models when they change.
"""

import secrets

from peewee import (
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    TextField,
)

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ONE_AT_A_TIME = (
    'CREATE UNIQUE INDEX "deployment_slot" ON "deployment" ("account_id") WHERE holds_slot',
    'CREATE UNIQUE INDEX "phone_line_slot" ON "phone_line" ("account_id") WHERE holds_slot',
    'CREATE UNIQUE INDEX "phone_line_number" ON "phone_line" ("e164") WHERE holds_slot AND e164 IS NOT NULL',
    'CREATE UNIQUE INDEX "resource_of_name" ON "resource" ("account_id", "name") WHERE state = \'made\'',
)
TABLES = ('trial_chat', 'stray', 'resource', 'phone_line', 'deployment_event', 'deployment_step', 'deployment', 'knowledge_file', 'setup_attempt', 'setup', 'installation')


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class Installation(Model):
        id = IntegerField(primary_key=True)
        tag = TextField()

        class Meta:
            database = db
            table_name = 'installation'
            legacy_table_names = False

    db.create_tables([Installation])

    class Setup(Model):
        account = ForeignKeyField(Account, primary_key=True, on_delete='CASCADE')
        phone_integration_method = TextField(null=True)
        phone_integration_settings = JSONField(default=dict)
        voice = JSONField(null=True)
        stripe_customer_id = TextField(null=True, unique=True)
        stripe_payment_method_id = TextField(null=True, index=True)
        payment_method_verified = BooleanField(default=False)
        payment_method_verified_at = BigIntegerField(null=True)
        first_verified_at = BigIntegerField(null=True)
        card = JSONField(null=True)
        card_fingerprint = TextField(null=True, index=True)
        card_problem = TextField(default='')
        configured_at = BigIntegerField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'setup'
            legacy_table_names = False

    db.create_tables([Setup])

    class SetupAttempt(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        state = TextField(default='planned')
        setup_intent_id = TextField(null=True, unique=True)
        payment_method_id = TextField(null=True)
        error = TextField(default='')
        asked_by = TextField()
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'setup_attempt'
            legacy_table_names = False
            indexes = ((('account', 'created_at'), False),)

    db.create_tables([SetupAttempt])

    class KnowledgeFile(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        name = TextField()
        content_type = TextField()
        size = IntegerField()
        digest = TextField()
        content = BlobField(null=True)
        state = TextField(default='waiting')
        vapi_id = TextField(null=True, unique=True)
        error = TextField(default='')
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'knowledge_file'
            legacy_table_names = False
            indexes = ((('account', 'state'), False), (('state', 'updated_at'), False))

    db.create_tables([KnowledgeFile])

    class Deployment(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        status = TextField(default='queued')
        goal = TextField(default='live')
        holds_slot = BooleanField(default=True)
        method = TextField()
        wanted = JSONField(default=dict)
        fee = BigIntegerField(default=0)
        fee_currency = TextField(default='usd')
        on_failure = TextField(default='rollback')
        message = TextField(default='')
        error_code = TextField(default='')
        error = TextField(default='')
        asked_by = TextField()
        created_at = BigIntegerField()
        updated_at = BigIntegerField()
        finished_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = 'deployment'
            legacy_table_names = False
            indexes = ((('account', 'id'), False), (('status', 'updated_at'), False))

    db.create_tables([Deployment])

    class DeploymentStep(Model):
        id = TextField(primary_key=True)
        deployment = ForeignKeyField(Deployment, on_delete='CASCADE')
        position = IntegerField()
        name = TextField()
        state = TextField(default='waiting')
        message = TextField(default='')
        error_code = TextField(default='')
        error = TextField(default='')
        made = JSONField(default=dict)
        started_at = BigIntegerField(null=True)
        finished_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = 'deployment_step'
            legacy_table_names = False
            indexes = ((('deployment', 'position'), True), (('deployment', 'name'), True))

    db.create_tables([DeploymentStep])

    class DeploymentEvent(Model):
        id = BigAutoField()
        deployment = ForeignKeyField(Deployment, on_delete='CASCADE')
        step = TextField(default='')
        state = TextField()
        message = TextField()
        at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'deployment_event'
            legacy_table_names = False
            indexes = ((('deployment', 'id'), False),)

    db.create_tables([DeploymentEvent])

    class PhoneLine(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        e164 = TextField(null=True)
        state = TextField(default='reserved')
        holds_slot = BooleanField(default=True)
        source = TextField(default='bought')
        twilio_sid = TextField(null=True)
        vapi_id = TextField(null=True)
        wanted = JSONField(default=dict)
        tries = IntegerField(default=0)
        step_id = TextField(default='')
        asked_by = TextField()
        error_code = TextField(default='')
        error = TextField(default='')
        forwarding = TextField(default='')
        voice_live = BooleanField(default=False)
        text_live = BooleanField(default=False)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'phone_line'
            legacy_table_names = False
            indexes = ((('account', 'id'), False),)

    db.create_tables([PhoneLine])

    class Resource(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        deployment_id = TextField()
        provider = TextField()
        name = TextField()
        provider_id = TextField()
        version = TextField(default='')
        digest = TextField(default='')
        state = TextField(default='made')
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'resource'
            legacy_table_names = False
            indexes = ((('provider', 'provider_id'), False),)

    db.create_tables([Resource])

    class Stray(Model):
        id = TextField(primary_key=True)
        provider = TextField()
        kind = TextField()
        provider_id = TextField()
        tag = TextField(default='')
        what = TextField()
        account_id = TextField(null=True)
        detail = TextField(default='')
        state = TextField(default='open')
        found_at = BigIntegerField()
        seen_at = BigIntegerField()
        closed_by = TextField(default='')

        class Meta:
            database = db
            table_name = 'stray'
            legacy_table_names = False
            indexes = ((('provider', 'kind', 'provider_id', 'what'), True), (('state', 'id'), False))

    db.create_tables([Stray])

    class TrialChat(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        last_chat_id = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'trial_chat'
            legacy_table_names = False
            indexes = ((('account', 'id'), False),)

    db.create_tables([TrialChat])

    Installation.create(id=1, tag="".join(secrets.choice(ALPHABET) for _ in range(6)))
    for sql in ONE_AT_A_TIME:
        db.execute_sql(sql)


def down(migrator, db):
    for table in TABLES:
        db.execute_sql(f'DROP TABLE "{table}"')
