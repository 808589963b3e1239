"""Wishes to stop that came over RCS, WhatsApp or Messenger count for the person; an empty Stripe account is none.

A frozen copy: it does not follow the models when they change.
"""

CHANNELS = ('rcs:', 'whatsapp:', 'messenger:')


def up(migrator, db):
    for prefix in CHANNELS:
        for column in ('phone', 'sender'):
            bare = f"substr({column}, {len(prefix) + 1})"
            db.execute_sql(f"UPDATE opt_out SET {column} = {bare} WHERE substr({column}, 1, {len(prefix)}) = '{prefix}'")
    db.execute_sql("UPDATE account SET stripe_account = NULL WHERE stripe_account = ''")


def down(migrator, db):
    """Nothing: which channel a wish came over is in the inbox."""
