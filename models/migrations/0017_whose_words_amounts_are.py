"""A payment knows whether its intent told its amounts, or only a Checkout Session about it.

Of the payments that are here nobody knows: what their intent says next counts. The database knows
the default too: a process of the release before this one does not name the column. A frozen copy:
it does not follow the models when they change.
"""

from peewee import SQL, BooleanField


def up(migrator, db):
    column = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    migrator.migrate(migrator.add_column("payment", "told_by_intent", column))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("payment", "told_by_intent"))
