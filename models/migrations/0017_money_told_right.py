"""A payment knows whether its intent told its amounts, or only a Checkout Session about it; invoices
that hold money to be given back are found quickly.

Of the payments that are here nobody knows: what their intent says next counts. The database knows
the default too: a process of the release before this one does not name the column. Nothing is
rewritten and nobody waits; done again after a crash it does no harm. A frozen copy: it does not
follow the models when they change.
"""

from peewee import PostgresqlDatabase

atomic = False

TO_REFUND = "overpaid > 0 OR (mark = 'cancelled' AND amount_paid > 0)"
INDEX = f'"invoice_to_refund" ON "invoice" ("account_id") WHERE {TO_REFUND}'


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql(
            "ALTER TABLE payment ADD COLUMN IF NOT EXISTS told_by_intent BOOLEAN NOT NULL"
            " DEFAULT FALSE"
        )
        # what a crash left is not valid
        db.execute_sql("DROP INDEX CONCURRENTLY IF EXISTS invoice_to_refund")
        db.execute_sql(f"CREATE INDEX CONCURRENTLY {INDEX}")
        return
    if "told_by_intent" in {each.name for each in db.get_columns("payment")}:
        return  # all of it, before a crash
    with db.atomic():
        db.execute_sql("ALTER TABLE payment ADD COLUMN told_by_intent INTEGER NOT NULL DEFAULT 0")
        db.execute_sql(f"CREATE INDEX {INDEX}")


def down(migrator, db):
    with db.atomic():
        db.execute_sql("DROP INDEX invoice_to_refund")
        migrator.migrate(migrator.drop_column("payment", "told_by_intent"))
