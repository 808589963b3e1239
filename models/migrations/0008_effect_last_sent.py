"""When an effect was last sent, which says whether the provider's record can be trusted yet.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField


def up(migrator, db):
    migrator.migrate(migrator.add_column('effect', 'last_sent_at', BigIntegerField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column('effect', 'last_sent_at'))
