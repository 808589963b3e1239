"""Stripe's client secrets are taken out of the events that earlier releases kept.

In batches, each a transaction of its own: a webhook that comes meanwhile waits for one batch, not
for all of them. Done again after a crash it does no harm. A frozen copy: it does not follow the
code when it changes.
"""

import json
import re

from peewee import SqliteDatabase

BATCH = 200  # events read and written at a time

atomic = False

REMOVED = "[client secret removed]"
FIELD = "client_secret"
VALUE = re.compile(
    r"(?:(?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2}))[a-z]{2,6}_(?:[A-Za-z0-9]+_)*?secret_[\w%.~+-]+",
    re.ASCII,
)
PARAMETER = re.compile(rf"(?<={FIELD}=)[^&#\s\"\\\[]+")
MEMBER = re.compile(rf'("\w*{FIELD}"\s*:\s*)"(?:[^"\\]|\\.)+"', re.ASCII)


def up(migrator, db):
    mark = "?" if isinstance(db, SqliteDatabase) else "%s"
    find = (
        f"SELECT id, payload FROM inbox_event WHERE id > {mark} AND provider = 'stripe'"
        f" ORDER BY id LIMIT {BATCH}"
    )
    write = f"UPDATE inbox_event SET payload = {mark} WHERE id = {mark}"
    last = 0
    while rows := db.execute_sql(find, (last,)).fetchall():
        last = rows[-1][0]
        changed = [(_clean(payload), row_id) for row_id, payload in rows if "secret" in payload]
        with db.atomic():
            for values in changed:
                db.execute_sql(write, values)


def _clean(text):
    clean = _redacted(MEMBER.sub(rf'\1"{REMOVED}"', text))
    try:
        document = json.loads(clean)
        searched = _searched(document)
    except (ValueError, RecursionError):
        return clean
    return clean if searched == document else json.dumps(searched)


def _searched(value, name=""):
    if name.endswith(FIELD) and value is not None and not isinstance(value, bool):
        return REMOVED
    if isinstance(value, dict):
        return {_redacted(str(key)): _searched(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_searched(each, name) for each in value]
    return _redacted(value) if isinstance(value, str) else value


def _redacted(text):
    return VALUE.sub(REMOVED, PARAMETER.sub(REMOVED, text))


def down(migrator, db):
    """What was taken out is gone."""
