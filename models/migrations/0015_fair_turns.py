"""Whose work a job is, so that in each queue they take turns; '' for the rows of older releases, which share one turn.

Nothing is rewritten and nobody waits: PostgreSQL adds the column at once and builds the index beside its writers. Done
again after a crash it does no harm. A frozen copy: it does not follow the models when they change.
"""

from peewee import PostgresqlDatabase

atomic = False

INDEX = (
    '"staged_job_turns" ON "staged_job" ("queue", "fair_to", "due_at", "id")'
    " WHERE state = 'waiting' AND pushed_at IS NOT NULL"
)


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql("ALTER TABLE staged_job ADD COLUMN IF NOT EXISTS fair_to TEXT NOT NULL DEFAULT ''")
        db.execute_sql('DROP INDEX CONCURRENTLY IF EXISTS staged_job_turns')  # what a crash left is not valid
        db.execute_sql(f'CREATE INDEX CONCURRENTLY {INDEX}')
        return
    if 'fair_to' in {each.name for each in db.get_columns('staged_job')}:
        return  # all of it, before a crash
    with db.atomic():
        db.execute_sql("ALTER TABLE staged_job ADD COLUMN fair_to TEXT NOT NULL DEFAULT ''")
        db.execute_sql(f'CREATE INDEX {INDEX}')


def down(migrator, db):
    with db.atomic():
        # older releases have no workers for it
        db.execute_sql("UPDATE staged_job SET queue = 'webhooks', pushed_at = NULL WHERE queue = 'interactive' AND state NOT IN ('done', 'cancelled')")
        db.execute_sql('DROP INDEX staged_job_turns')
        migrator.migrate(migrator.drop_column('staged_job', 'fair_to'))
