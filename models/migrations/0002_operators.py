"""Operators, their sessions, and the append-only audit.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigAutoField, BigIntegerField, ForeignKeyField, JSONField, Model, PostgresqlDatabase, TextField

REFUSE = 'audit_entry is append-only'
SQLITE_TRIGGERS = (
    f"CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, '{REFUSE}'); END",
    f"CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, '{REFUSE}'); END",
    "CREATE TRIGGER audit_entry_no_replace BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id) "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSE}'); END",
)
POSTGRES_TRIGGERS = (
    f"CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{REFUSE}'; END $$",
    'CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse()',
    'CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse()',
)


def up(migrator, db):
    class Operator(Model):
        id = TextField(primary_key=True)
        name = TextField(unique=True)
        password_hash = TextField()
        created_at = BigIntegerField()
        disabled_at = BigIntegerField(null=True)
        class Meta:
            database = db
            table_name = 'operator'
            legacy_table_names = False
    db.create_tables([Operator])

    class OperatorSession(Model):
        hash = TextField(primary_key=True)
        operator = ForeignKeyField(Operator, null=True, on_delete='CASCADE')
        name = TextField()
        csrf_token = TextField()
        credential = TextField()
        created_at = BigIntegerField()
        last_seen_at = BigIntegerField()
        expires_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'operator_session'
            legacy_table_names = False
            indexes = ((('expires_at',), False),)
    db.create_tables([OperatorSession])

    class AuditEntry(Model):
        id = BigAutoField()
        at = BigIntegerField()
        account_id = TextField(null=True)
        actor = TextField()
        action = TextField()
        subject = TextField()
        detail = JSONField(default=dict)
        class Meta:
            database = db
            table_name = 'audit_entry'
            legacy_table_names = False
            indexes = ((('account_id', 'id'), False), (('subject', 'id'), False), (('action', 'id'), False), (('at',), False))
    db.create_tables([AuditEntry])
    for trigger in POSTGRES_TRIGGERS if isinstance(db, PostgresqlDatabase) else SQLITE_TRIGGERS:
        db.execute_sql(trigger)


def down(migrator, db):
    migrator.migrate(migrator.drop_table('audit_entry'))
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql('DROP FUNCTION audit_entry_refuse()')
    migrator.migrate(migrator.drop_table('operator_session'))
    migrator.migrate(migrator.drop_table('operator'))
