"""What an operator may do, and in which accounts; everything, in all of them, for those who are here already.

The database knows the default too: a process of the release before this one does not name the column.
A frozen copy: it does not follow the models when they change.
"""

from peewee import SQL, JSONField, TextField


def up(migrator, db):
    migrator.migrate(
        migrator.add_column('operator', 'scope', TextField(default='admin', constraints=[SQL("DEFAULT 'admin'")])),
        migrator.add_column('operator', 'accounts', JSONField(null=True)),
    )


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column('operator', 'accounts'),
        migrator.drop_column('operator', 'scope'),
    )
