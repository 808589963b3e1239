"""Totals that need no scan: triggers append what changes, from what there is now; and indexes for the lists.

On PostgreSQL it runs beside processes of the older release: each lock is held for a moment and waited for briefly, so
that no writer waits long. Done again after a crash it does no harm. A frozen copy: it does not follow the models when
they change.
"""

import time

from peewee import BigAutoField, BigIntegerField, Model, OperationalError, PostgresqlDatabase, TextField

atomic = False

TRIES = 60  # for the lock of a table
LABELS = 'what, account_id, kind, state, day'
DUE = "CASE WHEN {row}.status IN ('sent', 'overdue') THEN {day} ELSE '' END"
# table, the columns that matter, the labels of a row, its amount, which rows count
COUNTED = (
    ('invoice', 'account_id, currency, status, due_date, outstanding',
     "'invoices', {row}.account_id, {row}.currency, {row}.status, " + DUE, '{row}.outstanding', '1 = 1'),
    ('inbox_event', 'outcome', "'events', '', '', COALESCE({row}.outcome, ''), ''", '0', '1 = 1'),
    ('staged_job', 'name, state', "'jobs', '', {row}.name, {row}.state, ''", '0', "{row}.state IN ('done', 'cancelled')"),
)
INDEXES = (
    ('inbox_event_waiting', '"inbox_event" ("account", "received_at") WHERE outcome IS NULL'),
    ('invoice_account_id_customer_id_id', '"invoice" ("account_id", "customer_id", "id")'),
    ('invoice_account_id_status_id', '"invoice" ("account_id", "status", "id")'),
)
REPLACED = ('invoice_account_id_customer_id', '"invoice" ("account_id", "customer_id")')


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        _up_in_postgres(db)
        return
    if 'running_total' in db.get_tables():
        return  # all of it, before a crash
    with db.atomic('IMMEDIATE'):
        for name in ('running_total', 'total_change'):
            db.create_tables([_table(db, name)])
        _count(db, False)
        for counted in COUNTED:
            for trigger in _triggers(*counted, False):
                db.execute_sql(trigger)
        for name, place in INDEXES:
            db.execute_sql(f'CREATE INDEX "{name}" ON {place}')
        db.execute_sql(f'DROP INDEX "{REPLACED[0]}"')


def _up_in_postgres(db):
    for name, place in INDEXES:
        db.execute_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')  # what a crash left is not valid
        db.execute_sql(f'CREATE INDEX CONCURRENTLY "{name}" ON {place}')
    db.execute_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{REPLACED[0]}"')
    for name in ('running_total', 'total_change'):
        db.create_tables([_table(db, name)], safe=True)
    for counted in COUNTED:
        _make_triggers(db, counted)
    # The triggers are there, and every writer from before them has ended. So what a snapshot shows in total_change is
    # in the rows that it shows too, and whatever comes later is in neither.
    with db.atomic():
        db.execute_sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
        db.execute_sql('DELETE FROM total_change')
        db.execute_sql('DELETE FROM running_total')
        _count(db, True)


def _make_triggers(db, counted):
    """Make a table's triggers, which waits for its writers; again, after a lock that does not come."""
    there = f"SELECT 1 FROM pg_trigger WHERE tgname = '{counted[0]}_total_insert'"
    if db.execute_sql(there).fetchone():
        return
    for attempt in range(TRIES):
        try:
            with db.atomic():
                db.execute_sql("SET LOCAL lock_timeout = '2s'")
                for trigger in _triggers(*counted, True):
                    db.execute_sql(trigger)
            return
        except OperationalError:
            if attempt == TRIES - 1:
                raise
            time.sleep(1)


def _count(db, postgres):
    for table, _columns, labels, amount, counts in COUNTED:
        db.execute_sql(_of_row(
            f'INSERT INTO running_total ({LABELS}, count, amount) SELECT {labels}, COUNT(*), COALESCE(SUM({amount}), 0)'
            f' FROM {table} AS r WHERE {counts} GROUP BY 1, 2, 3, 4, 5', 'r', postgres,
        ))


def _of_row(text, row, postgres):
    day = "to_char({row}.due_date, 'YYYY-MM-DD')" if postgres else 'CAST({row}.due_date AS TEXT)'
    return text.replace('{day}', day).replace('{row}', row)


def down(migrator, db):
    postgres = isinstance(db, PostgresqlDatabase)
    with db.atomic():
        for name, _place in INDEXES:
            db.execute_sql(f'DROP INDEX "{name}"')
        db.execute_sql('CREATE INDEX "{}" ON {}'.format(*REPLACED))
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
        _of_row(
            f'INSERT INTO total_change ({LABELS}, count, amount) SELECT {labels}, {sign}1, {sign}{amount} WHERE {counts};', row, postgres,
        )
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
