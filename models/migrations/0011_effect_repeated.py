"""Whether a provider gave an effect's key the same error twice, which says that it keeps that answer under the key.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BooleanField


def up(migrator, db):
    migrator.migrate(migrator.add_column('effect', 'repeated', BooleanField(default=False)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column('effect', 'repeated'))
