"""What an operator may do, and in which accounts; everything, in all of them, for those who are here already.

A frozen copy: it does not follow the models when they change.
"""

from peewee import JSONField, TextField


def up(migrator, db):
    migrator.migrate(
        migrator.add_column('operator', 'scope', TextField(default='admin')),
        migrator.add_column('operator', 'accounts', JSONField(null=True)),
    )


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column('operator', 'accounts'),
        migrator.drop_column('operator', 'scope'),
    )
