"""What is forgotten in time, and jobs that are wanted again while they run.

Answers kept by idempotency key were readable: they are forgotten, while their keys go on keeping a request from being done twice.
A frozen copy: it does not follow the models when they change.
"""

from peewee import IntegerField


def up(migrator, db):
    db.execute_sql('UPDATE idempotency_key SET answer = NULL')
    migrator.migrate(
        migrator.add_column('staged_job', 'wanted_again', IntegerField(null=True)),
    )


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column('staged_job', 'wanted_again'),
    )
