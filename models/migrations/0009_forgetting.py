"""What is forgotten in time; what lists and held deliveries are found by; jobs that are wanted again while they run.

Answers kept by idempotency key were readable: they are forgotten, while their keys go on keeping a request from being done twice.
A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, IntegerField


def up(migrator, db):
    db.execute_sql('UPDATE idempotency_key SET answer = NULL')
    migrator.migrate(
        migrator.add_column('account', 'feed_begins_after', BigIntegerField(null=True)),
        migrator.add_column('staged_job', 'wanted_again', IntegerField(null=True)),
        migrator.add_column('webhook_endpoint', 'missed_after', BigIntegerField(null=True)),
        migrator.drop_index('webhook_delivery', 'webhook_delivery_endpoint_id_state'),
        migrator.add_index('webhook_delivery', ('endpoint_id', 'state', 'id'), False),
        migrator.add_index('webhook_delivery', ('endpoint_id', 'id'), False),
        migrator.add_index('invoice', ('account_id', 'id'), False),
        migrator.add_index('payment', ('account_id', 'id'), False),
        migrator.drop_index('staged_job', 'staged_job_done'),
    )
    db.execute_sql('''CREATE INDEX "staged_job_done" ON "staged_job" ("finished_at") WHERE state NOT IN ('waiting', 'running', 'dead')''')


def down(migrator, db):
    db.execute_sql('DROP INDEX staged_job_done')
    db.execute_sql('''CREATE INDEX "staged_job_done" ON "staged_job" ("finished_at") WHERE (state = 'done')''')
    migrator.migrate(
        migrator.drop_index('payment', 'payment_account_id_id'),
        migrator.drop_index('invoice', 'invoice_account_id_id'),
        migrator.drop_index('webhook_delivery', 'webhook_delivery_endpoint_id_id'),
        migrator.drop_index('webhook_delivery', 'webhook_delivery_endpoint_id_state_id'),
        migrator.add_index('webhook_delivery', ('endpoint_id', 'state'), False),
        migrator.drop_column('webhook_endpoint', 'missed_after'),
        migrator.drop_column('staged_job', 'wanted_again'),
        migrator.drop_column('account', 'feed_begins_after'),
    )
