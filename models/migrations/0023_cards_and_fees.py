"""Until when a clinic's card is good, and which intent at Stripe is a deployment's fee.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, TextField


def up(migrator, db):
    migrator.migrate(
        migrator.add_column('setup', 'card_good_until', BigIntegerField(null=True)),
        migrator.add_column('deployment', 'fee_intent_id', TextField(null=True)),
    )
    db.execute_sql('CREATE UNIQUE INDEX "deployment_fee_intent_id" ON "deployment" ("fee_intent_id")')
    db.execute_sql('CREATE INDEX "setup_good_until" ON "setup" ("card_good_until") WHERE payment_method_verified')


def down(migrator, db):
    db.execute_sql('DROP INDEX "setup_good_until"')
    db.execute_sql('DROP INDEX "deployment_fee_intent_id"')
    migrator.migrate(
        migrator.drop_column('deployment', 'fee_intent_id'),
        migrator.drop_column('setup', 'card_good_until'),
    )
