"""A payment knows whether its intent told its amounts, or only a Checkout Session about it; invoices
that hold money to be given back are found quickly.

Of the payments that are here nobody knows: what their intent says next counts. The database knows
the default too: a process of the release before this one does not name the column. A frozen copy:
it does not follow the models when they change.
"""

from peewee import SQL, BooleanField

TO_REFUND = "overpaid > 0 OR (mark = 'cancelled' AND amount_paid > 0)"


def up(migrator, db):
    column = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    migrator.migrate(migrator.add_column("payment", "told_by_intent", column))
    db.execute_sql(
        f'CREATE INDEX "invoice_to_refund" ON "invoice" ("account_id") WHERE {TO_REFUND}'
    )


def down(migrator, db):
    db.execute_sql("DROP INDEX invoice_to_refund")
    migrator.migrate(migrator.drop_column("payment", "told_by_intent"))
