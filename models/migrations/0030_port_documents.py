"""Carriers' bills, which a port request needs; and the lines that wait for their texts.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, BlobField, ForeignKeyField, IntegerField, Model, TextField


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class PortDocument(Model):
        id = TextField(primary_key=True)
        account = ForeignKeyField(Account, on_delete='CASCADE')
        name = TextField()
        content_type = TextField()
        size = IntegerField()
        digest = TextField()
        content = BlobField(null=True)
        twilio_sid = TextField(null=True)
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'port_document'
            legacy_table_names = False
            indexes = ((('account', 'id'), False),)

    db.create_tables([PortDocument])
    db.execute_sql(
        'CREATE INDEX "phone_line_without_texts" ON "phone_line" ("id")'
        " WHERE source = 'ported' AND state = 'owned' AND NOT text_live"
    )


def down(migrator, db):
    db.execute_sql('DROP INDEX "phone_line_without_texts"')
    db.execute_sql('DROP TABLE "port_document"')
