"""Calls that staff have made in answer to a text are known to the contact gate.

Of items that were resolved with `called` lately, as long ago as the gate remembers. Those of the
ladder are known already. What was spoken of nobody tells, so it may have been all that the person
owes. Done again after a crash it does no harm. A frozen copy.
"""

import time

REMEMBERED = 9 * 86_400  # seconds
MICRO = 1_000_000
CALLED = """
FROM work_item AS w JOIN customer AS c ON c.id = w.customer_id
WHERE w.resolution = 'called' AND w.state = 'resolved' AND w.resolved_at > {since}
AND NOT EXISTS (SELECT 1 FROM planned_contact AS p WHERE p.work_item_id = w.id)
"""
CALL_ID = "'call_' || SUBSTR(w.id, 5)"  # of wki_…
CALLS = f"""
INSERT INTO call (id, account_id, customer_id, direction, from_number, to_number, phone_number_id,
    language, reason, asked_by, asked_for, state, tries, attempted_at, ended_at, reported_at,
    is_blocked, ended_reason, outcome, summary, transcript, is_recorded, created_at, updated_at)
SELECT {CALL_ID}, w.account_id, w.customer_id, 'outbound', '',
    COALESCE(NULLIF(w.context ->> 'phone', ''), c.contact_request ->> 'phone', c.phone, ''), '',
    'en', 'somebody called by hand', COALESCE(w.resolved_by, ''), FALSE, 'ended', 0, w.resolved_at,
    w.resolved_at, w.resolved_at, FALSE, 'made-by-hand', 'in_doubt', '', '', FALSE, w.resolved_at,
    w.resolved_at
{CALLED} ON CONFLICT DO NOTHING
"""
INVOICES = f"""
INSERT INTO call_invoice (call_id, invoice_id)
SELECT {CALL_ID}, i.id
{CALLED.replace('WHERE', 'JOIN invoice AS i ON i.customer_id = c.id WHERE', 1)}
AND (i.status IN ('overdue', 'sent') OR i.id = w.invoice_id) ON CONFLICT DO NOTHING
"""


def up(migrator, db):
    since = int((time.time() - REMEMBERED) * MICRO)
    for sql in (CALLS, INVOICES):
        db.execute_sql(sql.format(since=since))


def down(migrator, db):
    made = "SELECT 'call_' || SUBSTR(id, 5) FROM work_item"
    db.execute_sql(f'DELETE FROM call_invoice WHERE call_id IN ({made})')
    db.execute_sql(f'DELETE FROM call WHERE id IN ({made})')
