"""How the carriers' registration of each sender stands.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class SenderRegistration(Model):
        sender = TextField(primary_key=True)
        state = TextField()
        code = TextField(default="")
        reason = TextField(default="")
        read_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "sender_registration"
            legacy_table_names = False

    db.create_tables([SenderRegistration])


def down(migrator, db):
    db.execute_sql('DROP TABLE "sender_registration"')
