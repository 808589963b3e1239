"""Totals that need no scan: triggers append what changes, from what there is now; and indexes for the lists.

A frozen copy: it does not follow the models when they change.
"""

from peewee import BigAutoField, BigIntegerField, Model, PostgresqlDatabase, TextField

LABELS = 'what, account_id, kind, state, day'
DUE = "CASE WHEN {row}.status IN ('sent', 'overdue') THEN CAST({row}.due_date AS TEXT) ELSE '' END"
# table, the columns that matter, the labels of a row, its amount, which rows count
COUNTED = (
    ('invoice', 'account_id, currency, status, due_date, outstanding',
     "'invoices', {row}.account_id, {row}.currency, {row}.status, " + DUE, '{row}.outstanding', '1 = 1'),
    ('inbox_event', 'outcome', "'events', '', '', COALESCE({row}.outcome, ''), ''", '0', '1 = 1'),
    ('staged_job', 'name, state', "'jobs', '', {row}.name, {row}.state, ''", '0', "{row}.state IN ('done', 'cancelled')"),
)
WAITING = 'inbox_event_waiting'
INDEXES = (
    ('invoice', ('account', 'customer', 'id'), 'invoice_account_id_customer_id_id', ('account', 'customer'), 'invoice_account_id_customer_id'),
    ('invoice', ('account', 'status', 'id'), 'invoice_account_id_status_id', None, None),
)


def up(migrator, db):
    for name in ('running_total', 'total_change'):
        db.create_tables([_table(db, name)])
    # what changes while the rows are counted waits for this transaction to end
    postgres = isinstance(db, PostgresqlDatabase)
    if postgres:
        db.execute_sql('LOCK TABLE invoice, inbox_event, staged_job IN SHARE ROW EXCLUSIVE MODE')
    for table, columns, labels, amount, counts in COUNTED:
        shown = labels.format(row='r')
        db.execute_sql(
            f'INSERT INTO running_total ({LABELS}, count, amount) SELECT {shown}, COUNT(*), COALESCE(SUM({amount}), 0) '.format(row='r')
            + f'FROM {table} AS r WHERE {counts} GROUP BY 1, 2, 3, 4, 5'.format(row='r')
        )
        for trigger in _triggers(table, columns, labels, amount, counts, postgres):
            db.execute_sql(trigger)
    db.execute_sql(f'CREATE INDEX "{WAITING}" ON "inbox_event" ("account", "received_at") WHERE outcome IS NULL')
    for table, columns, _name, old, _old_name in INDEXES:
        migrator.migrate(migrator.add_index(table, tuple(f'{c}_id' if c in {'account', 'customer'} else c for c in columns), False))
        if old:
            migrator.migrate(migrator.drop_index(table, _old_name))


def down(migrator, db):
    db.execute_sql(f'DROP INDEX {WAITING}')
    for table, _columns, name, old, _old_name in INDEXES:
        if old:
            migrator.migrate(migrator.add_index(table, tuple(f'{c}_id' for c in old), False))
        migrator.migrate(migrator.drop_index(table, name))
    postgres = isinstance(db, PostgresqlDatabase)
    for table, *_ in COUNTED:
        for what in ('insert', 'update') if postgres else ('insert', 'update', 'delete'):
            db.execute_sql(f'DROP TRIGGER {table}_total_{what}' + (f' ON {table}' if postgres else ''))
        if postgres:
            db.execute_sql(f'DROP FUNCTION {table}_total()')
    migrator.migrate(migrator.drop_table('total_change'))
    migrator.migrate(migrator.drop_table('running_total'))


def _table(db, name):
    class Table(Model):
        id = BigAutoField()
        what = TextField()
        account_id = TextField(default='')
        kind = TextField(default='')
        state = TextField(default='')
        day = TextField(default='')
        count = BigIntegerField()
        amount = BigIntegerField()
        class Meta:
            database = db
            table_name = name
            legacy_table_names = False
            indexes = ((('what', 'account_id', 'kind', 'state', 'day'), True),) if name == 'running_total' else ()
    return Table


def _triggers(table, columns, labels, amount, counts, postgres):
    taken, given = (
        (f'INSERT INTO total_change ({LABELS}, count, amount) SELECT {labels}, {sign}1, {sign}{amount} WHERE {counts};').format(row=row)
        for row, sign in (('OLD', '-'), ('NEW', ''))
    )
    differs = 'IS DISTINCT FROM' if postgres else 'IS NOT'
    changed = ' OR '.join(f'OLD.{c} {differs} NEW.{c}' for c in columns.split(', '))
    name = f'{table}_total'
    if postgres:
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP <> 'INSERT' THEN {taken} END IF;"
            f" IF TG_OP <> 'DELETE' THEN {given} END IF; RETURN NULL; END $$"
        )
        yield f'CREATE TRIGGER {name}_insert AFTER INSERT OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()'
        yield (
            f'CREATE TRIGGER {name}_update AFTER UPDATE OF {columns} ON {table} FOR EACH ROW WHEN ({changed})'
            f' EXECUTE FUNCTION {name}()'
        )
        return
    yield f'CREATE TRIGGER {name}_insert AFTER INSERT ON {table} BEGIN {given} END'
    yield f'CREATE TRIGGER {name}_update AFTER UPDATE OF {columns} ON {table} WHEN {changed} BEGIN {taken} {given} END'
    yield f'CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {taken} END'
