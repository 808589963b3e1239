"""Indexes for what the scans look for: what could not be undone, and what a clinic has disconnected
and its provider has not heard of.

A frozen copy: it does not follow the models when they change.
"""

INDEXES = {
    "deployment_step_undo_failed": ("deployment_step", "state = 'undo_failed'"),
    "integration_left_behind": ("integration", "state = 'revoked' AND sealed <> ''"),
}


def up(migrator, db):
    for name, (table, where) in INDEXES.items():
        db.execute_sql(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{table}" ("id") WHERE {where}')


def down(migrator, db):
    for name in INDEXES:
        db.execute_sql(f'DROP INDEX "{name}"')
