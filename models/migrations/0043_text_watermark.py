"""How far Twilio's list of messages has been read.

Done again after a crash it does no harm. A frozen copy: it does not follow the model when it
changes.
"""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class TextWatermark(Model):
        twilio_account = TextField(primary_key=True)
        read_to = BigIntegerField()
        until = BigIntegerField(null=True)
        next_page = TextField(default="")

        class Meta:
            database = db
            legacy_table_names = False

    db.create_tables([TextWatermark])


def down(migrator, db):
    db.execute_sql('DROP TABLE "text_watermark"')
