"""Calendars and practice software that clinics connect, and when a clinic's doors are open.

A frozen copy: it does not follow the models when they change.
"""

from peewee import (
    SQL,
    BigIntegerField,
    BooleanField,
    ForeignKeyField,
    IntegerField,
    Model,
    PostgresqlDatabase,
    TextField,
)


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class Integration(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        provider = TextField()
        kind = TextField()
        state = TextField(default='connected')
        current = BooleanField(default=True)
        sealed = TextField(default='')
        found = TextField(default='')
        error = TextField(default='')
        version = IntegerField(default=1)
        expires_at = BigIntegerField(null=True)
        renew_at = BigIntegerField()
        renewing_until = BigIntegerField(null=True)
        verified_at = BigIntegerField()
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'integration'
            legacy_table_names = False
            indexes = ((('account', 'provider', 'id'), False),)

    Integration.add_index(
        Integration.index(
            Integration.account,
            Integration.provider,
            unique=True,
            where=SQL('current'),
            name='integration_current',
        )
    )
    Integration.add_index(
        Integration.index(Integration.renew_at, where=SQL("state = 'connected'"), name='integration_due')
    )

    class OAuthState(Model):
        hash = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        provider = TextField()
        verifier = TextField()
        asked_by = TextField()
        created_at = BigIntegerField()
        expires_at = BigIntegerField(index=True)
        used_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = 'oauth_state'
            legacy_table_names = False

    db.create_tables([Integration, OAuthState])
    kind = 'JSONB' if isinstance(db, PostgresqlDatabase) else 'TEXT'
    db.execute_sql(f"""ALTER TABLE "account_settings" ADD COLUMN "opening_hours" {kind} NOT NULL DEFAULT '{{}}'""")


def down(migrator, db):
    migrator.migrate(migrator.drop_column('account_settings', 'opening_hours'))
    db.execute_sql('DROP TABLE "oauth_state"')
    db.execute_sql('DROP TABLE "integration"')
