"""What an event of Stripe's names, and why a card was not tried, get columns of their own.

Only events that wait or matched nothing are read: nobody asks what the others name, and reading all of them would
hold the table from webhooks for minutes. A frozen copy: it does not follow the models when they change.
"""

import json
import re

from peewee import SqliteDatabase, TextField

ID = re.compile(r'\w{1,255}', re.ASCII)
BATCH = 500  # events read and written at a time, so that their payloads need not fit into memory


def up(migrator, db):
    migrator.migrate(
        migrator.add_column('inbox_event', 'intent_id', TextField(null=True)),
        migrator.add_column('inbox_event', 'named_invoice_id', TextField(null=True)),
        migrator.add_column('payment_confirmation', 'refusal', TextField(null=True)),
    )
    db.execute_sql("UPDATE payment_confirmation SET refusal = decline_code, decline_code = NULL WHERE state = 'refused'")
    mark = '?' if isinstance(db, SqliteDatabase) else '%s'
    last = 0
    while True:
        which = (
            f"SELECT id, provider, payload FROM inbox_event WHERE id > {last} AND (outcome IS NULL OR outcome = 'unmatched')"
            f" ORDER BY id LIMIT {BATCH}"
        )
        rows = db.execute_sql(which).fetchall()
        if not rows:
            break
        for row_id, provider, payload in rows:
            values = (*_names(payload if provider == 'stripe' else ''), row_id)
            db.execute_sql(f"UPDATE inbox_event SET intent_id = {mark}, named_invoice_id = {mark} WHERE id = {mark}", values)
        last = rows[-1][0]
    migrator.migrate(migrator.add_index('inbox_event', ('intent_id',), False))


def _names(payload):
    """The intent and the invoice that an event names; empty when none."""
    try:
        subject = json.loads(payload)['data']['object']
        intent = subject.get('id') if subject.get('object') == 'payment_intent' else subject.get('payment_intent')
        intent = intent.get('id') if isinstance(intent, dict) else intent
        metadata = subject.get('metadata')
    except (ValueError, TypeError, KeyError, AttributeError):
        return '', ''
    return _id(intent), _id(metadata.get('invoice_id') if isinstance(metadata, dict) else None)


def _id(value):
    return value if isinstance(value, str) and ID.fullmatch(value) else ''


def down(migrator, db):
    db.execute_sql("UPDATE payment_confirmation SET decline_code = refusal WHERE state = 'refused' AND refusal IS NOT NULL")
    migrator.migrate(
        migrator.drop_index('inbox_event', 'inbox_event_intent_id'),
        migrator.drop_column('payment_confirmation', 'refusal'),
        migrator.drop_column('inbox_event', 'named_invoice_id'),
        migrator.drop_column('inbox_event', 'intent_id'),
    )
