"""What was told of refunds and disputes, voided payments, and who vouched for a Stripe customer.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigIntegerField, BooleanField, TextField

WHY = "The bank sent the money back. Ask again, or give it back another way."


def up(migrator, db):
    migrator.migrate(
        migrator.add_column('refund', 'told', TextField(default='')),
        migrator.add_column('dispute', 'told', TextField(default='')),
        migrator.add_column('payment', 'voided_at', BigIntegerField(null=True)),
        migrator.add_column('payment', 'void_reason', TextField(null=True)),
        migrator.add_column('customer', 'stripe_vouched', BooleanField(default=False)),
    )
    db.execute_sql("""CREATE INDEX "customer_at_stripe" ON "customer" ("stripe_customer_id") WHERE stripe_customer_id IS NOT NULL""")
    # What went well is no news any more; a refund that failed unnoticed is, and shows in the gauge at once.
    db.execute_sql("UPDATE refund SET told = 'succeeded' WHERE status = 'succeeded'")
    db.execute_sql("UPDATE dispute SET told = 'closed' WHERE status IN ('won', 'lost', 'warning_closed', 'prevented')")
    failed = "SELECT refund_id FROM refund WHERE status IN ('failed', 'canceled')"
    when = "(SELECT updated_at FROM refund WHERE refund.refund_id = refund_request.refund_id)"
    news = f"state = 'failed', error = '{WHY}', updated_at = {when}"
    db.execute_sql(f"UPDATE refund_request SET {news} WHERE state = 'confirmed' AND refund_id IN ({failed})")


def down(migrator, db):
    db.execute_sql('DROP INDEX "customer_at_stripe"')
    migrator.migrate(
        migrator.drop_column('customer', 'stripe_vouched'),
        migrator.drop_column('payment', 'void_reason'),
        migrator.drop_column('payment', 'voided_at'),
        migrator.drop_column('dispute', 'told'),
        migrator.drop_column('refund', 'told'),
    )
