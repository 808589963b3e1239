"""Test calls to numbers that a clinic forwards.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, ForeignKeyField, Model, TextField


def up(migrator, db):
    class PhoneLine(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = 'phone_line'
            legacy_table_names = False

    class ForwardingTest(Model):
        id = TextField(primary_key=True)
        line = ForeignKeyField(PhoneLine, on_delete='CASCADE')
        number = TextField()
        state = TextField(default='asked')
        call_sid = TextField(null=True)
        detail = TextField(default='')
        asked_by = TextField()
        created_at = BigIntegerField()
        updated_at = BigIntegerField()

        class Meta:
            database = db
            table_name = 'forwarding_test'
            legacy_table_names = False
            indexes = ((('line', 'id'), False),)

    db.create_tables([ForwardingTest])


def down(migrator, db):
    db.execute_sql('DROP TABLE "forwarding_test"')
