"""What is forgotten in time; what lists and held deliveries are found by; jobs that are wanted again while they run.

Answers kept by idempotency key were readable: they are forgotten, while their keys go on keeping a request from being done twice.
A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, IntegerField


def up(migrator, db):
    db.execute_sql('UPDATE idempotency_key SET answer = NULL')
    migrator.migrate(
        migrator.add_column('staged_job', 'wanted_again', IntegerField(null=True)),
        migrator.add_column('webhook_endpoint', 'missed_after', BigIntegerField(null=True)),
        migrator.drop_index('webhook_delivery', 'webhook_delivery_endpoint_id_state'),
        migrator.add_index('webhook_delivery', ('endpoint_id', 'state', 'id'), False),
        migrator.add_index('webhook_delivery', ('endpoint_id', 'id'), False),
    )


def down(migrator, db):
    migrator.migrate(
        migrator.drop_index('webhook_delivery', 'webhook_delivery_endpoint_id_id'),
        migrator.drop_index('webhook_delivery', 'webhook_delivery_endpoint_id_state_id'),
        migrator.add_index('webhook_delivery', ('endpoint_id', 'state'), False),
        migrator.drop_column('webhook_endpoint', 'missed_after'),
        migrator.drop_column('staged_job', 'wanted_again'),
    )
