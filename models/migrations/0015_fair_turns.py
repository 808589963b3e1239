"""Whose work a job is, so that in each queue they take turns; '' for the rows of older releases, which share one turn.

A frozen copy: it does not follow the models when they change.
"""

from peewee import SQL, TextField


def up(migrator, db):
    migrator.migrate(migrator.add_column('staged_job', 'fair_to', TextField(default='', constraints=[SQL("DEFAULT ''")])))
    db.execute_sql(
        'CREATE INDEX "staged_job_turns" ON "staged_job" ("queue", "fair_to", "due_at", "id")'
        " WHERE state = 'waiting' AND pushed_at IS NOT NULL"
    )


def down(migrator, db):
    # older releases have no workers for it
    db.execute_sql("UPDATE staged_job SET queue = 'webhooks', pushed_at = NULL WHERE queue = 'interactive' AND state NOT IN ('done', 'cancelled')")
    db.execute_sql('DROP INDEX staged_job_turns')
    migrator.migrate(migrator.drop_column('staged_job', 'fair_to'))
