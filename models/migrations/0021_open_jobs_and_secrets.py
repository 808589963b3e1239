"""Open jobs are counted by triggers, as what ended is; events that hold a client secret of Stripe's are found quickly.

On PostgreSQL it runs beside processes of the older release: each lock is held for a moment and waited for briefly, so
that no writer waits long. What the older release counts stays as it is. Done again after a crash it does no harm. A
frozen copy: it does not follow the models when they change.
"""

import time

from peewee import OperationalError, PostgresqlDatabase

atomic = False

TRIES = 60  # for the lock of a table
LABELS = 'what, account_id, kind, state, day'
WAITS_OR_RUNS = "{row}.state IN ('waiting', 'running')"
INDEX = (
    '"inbox_event_secret" ON "inbox_event" ("received_at")'
    " WHERE replace(payload, '_secret_', '') <> payload"
)
FOLDING = "hashtextextended('running_total', 0)"  # whoever adds changes up holds it


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        _up_in_postgres(db)
        return
    if 'inbox_event_secret' in {each.name for each in db.get_indexes('inbox_event')}:
        return  # all of it, before a crash
    with db.atomic('IMMEDIATE'):
        _count(db)
        for trigger in _triggers(False):
            db.execute_sql(trigger)
        db.execute_sql(f'CREATE INDEX {INDEX}')


def _up_in_postgres(db):
    db.execute_sql('DROP INDEX CONCURRENTLY IF EXISTS "inbox_event_secret"')  # what a crash left is not valid
    db.execute_sql(f'CREATE INDEX CONCURRENTLY {INDEX}')
    _make_triggers(db)
    # The triggers are there, and every writer from before them has ended. So what a snapshot shows in total_change is
    # in the rows that it shows too, and whatever comes later is in neither. Nobody adds up meanwhile.
    db.execute_sql(f'SELECT pg_advisory_lock({FOLDING})')
    try:
        with db.atomic():
            db.execute_sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
            for table in ('total_change', 'running_total'):
                db.execute_sql(f"DELETE FROM {table} WHERE what = 'open_jobs'")
            _count(db)
    finally:
        db.execute_sql(f'SELECT pg_advisory_unlock({FOLDING})')


def _make_triggers(db):
    """Make the triggers, which waits for the table's writers; again, after a lock that does not come."""
    there = "SELECT 1 FROM pg_trigger WHERE tgname = 'staged_job_open_insert'"
    if db.execute_sql(there).fetchone():
        return
    for attempt in range(TRIES):
        try:
            with db.atomic():
                db.execute_sql("SET LOCAL lock_timeout = '2s'")
                for trigger in _triggers(True):
                    db.execute_sql(trigger)
            return
        except OperationalError:
            if attempt == TRIES - 1:
                raise
            time.sleep(1)


def _count(db):
    counts = WAITS_OR_RUNS.format(row='r')
    db.execute_sql(
        f"INSERT INTO running_total ({LABELS}, count, amount) SELECT 'open_jobs', '', r.name, '', '', COUNT(*), 0"
        f' FROM staged_job AS r WHERE {counts} GROUP BY r.name'
    )


def down(migrator, db):
    postgres = isinstance(db, PostgresqlDatabase)
    with db.atomic():
        db.execute_sql('DROP INDEX "inbox_event_secret"')
        for what in ('insert', 'update') if postgres else ('insert', 'update', 'delete'):
            db.execute_sql(f'DROP TRIGGER staged_job_open_{what}' + (' ON staged_job' if postgres else ''))
        if postgres:
            db.execute_sql('DROP FUNCTION staged_job_open()')
        for table in ('total_change', 'running_total'):
            db.execute_sql(f"DELETE FROM {table} WHERE what = 'open_jobs'")


def _triggers(postgres):
    taken, given = (
        f"INSERT INTO total_change ({LABELS}, count, amount) SELECT 'open_jobs', '', {row}.name, '', '', {sign}1, {sign}0"
        f' WHERE {WAITS_OR_RUNS.format(row=row)};'
        for row, sign in (('OLD', '-'), ('NEW', ''))
    )
    differs = 'IS DISTINCT FROM' if postgres else 'IS NOT'
    changed = (
        f'OLD.name {differs} NEW.name OR ({WAITS_OR_RUNS.format(row="OLD")}) {differs} ({WAITS_OR_RUNS.format(row="NEW")})'
    )
    name = 'staged_job_open'
    if postgres:
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP <> 'INSERT' THEN {taken} END IF;"
            f" IF TG_OP <> 'DELETE' THEN {given} END IF; RETURN NULL; END $$"
        )
        yield f'CREATE TRIGGER {name}_insert AFTER INSERT OR DELETE ON staged_job FOR EACH ROW EXECUTE FUNCTION {name}()'
        yield (
            f'CREATE TRIGGER {name}_update AFTER UPDATE OF name, state ON staged_job FOR EACH ROW WHEN ({changed})'
            f' EXECUTE FUNCTION {name}()'
        )
        return
    yield f'CREATE TRIGGER {name}_insert AFTER INSERT ON staged_job BEGIN {given} END'
    yield f'CREATE TRIGGER {name}_update AFTER UPDATE OF name, state ON staged_job WHEN {changed} BEGIN {taken} {given} END'
    yield f'CREATE TRIGGER {name}_delete AFTER DELETE ON staged_job BEGIN {taken} END'
