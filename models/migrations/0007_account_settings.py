"""How an account collects; and customers by name, for imports.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, ForeignKeyField, Model, TextField


def up(migrator, db):
    class Account(Model):
        id = TextField(primary_key=True)
        class Meta:
            database = db
            table_name = 'account'
            legacy_table_names = False

    class AccountSettings(Model):
        account = ForeignKeyField(Account, primary_key=True, on_delete='CASCADE')
        payment_collection = TextField(default='link')
        call_frequency = TextField(default='weekly')
        calling = TextField(default='manual')
        payment_timing = TextField(default='immediate')
        staff_entry = TextField(default='form')
        updated_at = BigIntegerField()
        class Meta:
            database = db
            table_name = 'account_settings'
            legacy_table_names = False
    db.create_tables([AccountSettings])
    migrator.migrate(migrator.add_index('customer', ('account_id', 'name'), False))


def down(migrator, db):
    migrator.migrate(migrator.drop_index('customer', 'customer_account_id_name'))
    migrator.migrate(migrator.drop_table('account_settings'))
