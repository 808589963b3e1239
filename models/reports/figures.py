"""Figures for operators, counted in the database on request: waiting, dead, refused, paid.

Each is one grouped query over an index, or a running total. Ages are in seconds of the database's
own clock.
"""

from dataclasses import dataclass
from typing import Any

from peewee import fn

from models.books.reconciliation import LATEST
from models.effects.effect import Effect
from models.effects.pause_switch import PAUSABLE
from models.invoices.invoice import TO_REFUND
from models.reports.running_total import totals
from models.transactions import database_time, execute
from rules.dispute_course import CLOSED
from runtime.daily_ceilings import DAILY_CEILINGS
from runtime.settings import INTERACTIVE

_SECOND = 1_000_000
OPEN_STATES = "waiting", "running", "dead"


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many jobs of one name are in one state."""

    name: str
    state: str
    count: int


_TOTALS = "SELECT what, kind, state, count FROM {table} WHERE what IN ('jobs', 'open_jobs')"
# One statement, for a consistent snapshot: waiting jobs are the open ones that are not running.
JOBS = (
    "SELECT name, state, COUNT(*) FROM staged_job WHERE state IN ('running', 'dead')"
    " GROUP BY state, name UNION ALL"
    " SELECT kind, CASE WHEN what = 'open_jobs' THEN 'open' ELSE state END, SUM(count)"
    f" FROM ({_TOTALS.format(table='running_total')}"
    f" UNION ALL {_TOTALS.format(table='total_change')}) AS added"
    " GROUP BY what, kind, state HAVING SUM(count) <> 0"
)


def count_jobs() -> list[JobCount]:
    """Jobs by state and name. Done jobs count as long as their rows are kept (a month)."""
    counted = {(name, state): int(count) for name, state, count in execute(JOBS).fetchall()}
    open_names = [name for name, state in counted if state == "open"]
    for name in open_names:
        waiting = counted.pop((name, "open")) - counted.get((name, "running"), 0)
        if waiting > 0:
            counted[name, "waiting"] = waiting
    return [JobCount(*labels, count) for labels, count in counted.items()]


def count_waited_for() -> list[JobCount]:
    """Unfinished jobs that people wait for, by state and name: those in the interactive queue
    instead of their own.
    """
    each = (
        "SELECT name, '{0}', COUNT(*) FROM staged_job WHERE state = '{0}' AND queue = ?"
        " GROUP BY name"
    )
    sql = " UNION ALL ".join(each.format(state) for state in OPEN_STATES)
    return [JobCount(*row) for row in execute(sql, (INTERACTIVE,) * len(OPEN_STATES)).fetchall()]


def count_states() -> dict[str, int]:
    """Jobs by state."""
    counted: dict[str, int] = {}
    for row in count_jobs():
        counted[row.state] = counted.get(row.state, 0) + row.count
    return counted


FAILING = (
    "SELECT name, COUNT(*) FROM staged_job WHERE state = 'waiting' AND attempts > 0 GROUP BY name"
)


def count_failing() -> dict[str, int]:
    """Jobs that failed at least once and wait to be retried, by name."""
    return dict(execute(FAILING).fetchall())


# one index probe per queue, whatever its backlog
_WAITS = "FROM staged_job WHERE state = 'waiting'"
OLDEST_DUE = (
    f"WITH RECURSIVE each(queue) AS (SELECT MIN(queue) {_WAITS} UNION ALL"
    f" SELECT (SELECT MIN(queue) {_WAITS} AND queue > each.queue) FROM each"
    " WHERE each.queue IS NOT NULL)"
    f" SELECT queue, {{now}} - (SELECT MIN(due_at) {_WAITS} AND queue = each.queue) FROM each"
    " WHERE queue IS NOT NULL"
)


def oldest_due() -> dict[str, float]:
    """How long the oldest due job of each queue has waited, in seconds; no entry without one."""
    rows = execute(OLDEST_DUE).fetchall()
    return {queue: max(0.0, age / _SECOND) for queue, age in rows}


def count_doubts() -> dict[str, int]:
    """Effects in doubt, by kind. An effect sent within the last minute does not count yet."""
    in_doubt = Effect.doubtful(sent_before=database_time() - 60 * _SECOND)
    rows: Any = (
        Effect.select(Effect.kind, fn.COUNT(Effect.id))
        .where(in_doubt)
        .group_by(Effect.kind)
        .tuples()
    )
    return dict(rows)


def count_inbox() -> dict[str, int]:
    """Events by outcome; those not yet processed are `unprocessed`."""
    return {one.state or "unprocessed": one.count for one in totals("events")}


def oldest_unprocessed() -> float:
    """How long the oldest event without an outcome has been here, in seconds; 0 without one."""
    oldest = execute(
        "SELECT {now} - MIN(received_at) FROM inbox_event WHERE outcome IS NULL"
    ).fetchone()[0]
    return max(0.0, (oldest or 0) / _SECOND)


def backfill_age() -> float | None:
    """Seconds since the list of events was last read to its end, for the Stripe account for which
    that is longest ago.

    A list that was never read to its end counts from the start of its first reading; the
    platform's, if that never started, from the creation of the first account. None if there is
    neither.
    """
    used = (
        "SELECT '' AS name UNION SELECT stripe_account FROM account WHERE stripe_account IS NOT"
        " NULL"
    )
    begun = "(SELECT MIN(created_at) FROM backfill WHERE stripe_account = used.name)"
    first = "CASE WHEN used.name = '' THEN (SELECT MIN(created_at) FROM account) END"
    known = f"({used}) used LEFT JOIN stripe_watermark w ON w.stripe_account = used.name"
    age = execute(
        f"SELECT {{now}} - MIN(COALESCE(w.updated_at, {begun}, {first})) FROM {known}"
    ).fetchone()[0]
    return None if age is None else max(0.0, age / _SECOND)


_ENDPOINT = "CASE WHEN {account} = '' THEN 'platform' ELSE 'connect' END"
# the latest backfills to read: enough for hourly ones of two hundred Stripe accounts for a day
_RUNS = 5000
_FURTHER_EVENTS = 1000  # further events to read, to see whether any were delivered


def count_fetched(seconds: int, scheduled: bool = True) -> dict[str, int]:
    """Events of the last `seconds` that only a backfill fetched, by the endpoint they should have
    been delivered to.

    Counts scheduled backfills only, or all. The first reading of an account does not count as
    scheduled: it fetches events from before our time.
    """
    latest = (
        "SELECT id, stripe_account, missing, asked_by, created_at FROM backfill ORDER BY id DESC"
        " LIMIT ?"
    )
    earlier = (
        "SELECT 1 FROM backfill e WHERE e.stripe_account = b.stripe_account AND e.state = 'done'"
        " AND e.id < b.id"
    )
    whose = f" AND b.asked_by = 'system' AND EXISTS ({earlier})" if scheduled else ""
    column = _ENDPOINT.format(account="b.stripe_account")
    sql = (
        f"SELECT {column}, SUM(b.missing) FROM ({latest}) b WHERE b.missing > 0 AND b.created_at >"
        f" {{now}} - ?{whose} GROUP BY 1"
    )
    return {"platform": 0, "connect": 0} | {
        name: int(count) for name, count in execute(sql, (_RUNS, seconds * _SECOND)).fetchall()
    }


def count_delivered(seconds: int) -> dict[str, int]:
    """Stripe's events of the last `seconds` that were delivered to each endpoint.

    Reads only the latest events, so a large number is cut off.
    """
    fetched = count_fetched(seconds, scheduled=False)
    latest = "SELECT provider, account, received_at FROM inbox_event ORDER BY id DESC LIMIT ?"
    wanted = "b.provider = 'stripe' AND b.received_at > {now} - ?"
    sql = (
        f"SELECT {_ENDPOINT.format(account='b.account')}, COUNT(*) FROM ({latest}) b WHERE {wanted}"
        " GROUP BY 1"
    )
    kept = dict(
        execute(sql, (sum(fetched.values()) + _FURTHER_EVENTS, seconds * _SECOND)).fetchall()
    )
    return {name: max(0, int(kept.get(name, 0)) - count) for name, count in fetched.items()}


def count_differences() -> dict[str, int]:
    """Open differences between our books and Stripe's, by kind, as of each account's latest
    finished reconciliation.
    """
    return dict(
        execute(
            f"SELECT kind, COUNT(*) FROM difference WHERE state = 'open' AND run_id IN ({LATEST})"
            " GROUP BY kind"
        ).fetchall()
    )


FAILED_REFUNDS = (
    "SELECT COUNT(*) FROM refund_request f JOIN payment p ON p.id = f.payment_id"
    " WHERE f.state IN ('failed', 'refused') AND NOT EXISTS (SELECT 1 FROM refund_request n"
    " WHERE n.payment_id = f.payment_id AND n.created_at > f.updated_at)"
    " AND (f.state = 'failed' OR p.amount_received - f.amount >= (SELECT COALESCE(SUM(r.amount), 0)"
    " FROM refund r WHERE r.stripe_account = p.stripe_account AND r.intent_id = p.intent_id"
    " AND r.status NOT IN ('failed', 'canceled')) AND 0 <= (SELECT COALESCE(SUM(m.amount), 0)"
    " FROM dispute_movement m WHERE m.stripe_account = p.stripe_account"
    " AND m.intent_id = p.intent_id))"
)


def count_failed_refunds() -> int:
    """Refunds that the bank returned or Stripe refused, and that were not requested again.

    A refused one does not count if the money was returned in another way, or a dispute holds it.
    """
    return int(execute(FAILED_REFUNDS).fetchone()[0])


def count_fee_trouble() -> dict[str, int]:
    """Setup fees that are disputed, and those that could not be refunded."""
    closed = ", ".join(f"'{status}'" for status in sorted(CLOSED))
    disputed = (
        "SELECT COUNT(*) FROM dispute d JOIN deployment p ON p.fee_intent_id = d.intent_id WHERE"
        f" d.stripe_account = '' AND d.status NOT IN ({closed})"
    )
    kept = (
        "SELECT COUNT(*) FROM deployment p JOIN deployment_step s ON s.deployment_id = p.id WHERE"
        " p.fee_intent_id IS NOT NULL AND s.name = 'charge' AND s.state = 'undo_failed'"
    )
    counted = {"disputed": disputed, "not refunded": kept}
    return {name: int(execute(sql).fetchone()[0]) for name, sql in counted.items()}


def count_paused() -> dict[str, int]:
    """Active brakes, by what they stop."""
    none: dict[str, int] = dict.fromkeys(PAUSABLE, 0)
    return none | dict(
        execute("SELECT what, COUNT(*) FROM brake WHERE paused GROUP BY what").fetchall()
    )


def count_ceilings() -> dict[str, int]:
    """Daily ceilings reached in the last 24 hours, by what they limit."""
    subjects = ", ".join(f"'ceiling:{what}'" for what in DAILY_CEILINGS)
    wanted = f"subject IN ({subjects}) AND created_at > {{now}} - ?"
    rows = execute(
        f"SELECT subject, COUNT(*) FROM outgoing_event WHERE {wanted} GROUP BY subject",
        (86_400 * _SECOND,),
    ).fetchall()
    return dict.fromkeys(DAILY_CEILINGS, 0) | {
        subject.partition(":")[2]: count for subject, count in rows
    }


def count_invoices() -> dict[str, int]:
    """Invoices by status."""
    return {one.state: one.count for one in totals("invoices", by="state")}


def count_to_refund() -> int:
    """Invoices that hold money to be returned: paid although cancelled, or overpaid."""
    return int(execute(f"SELECT COUNT(*) FROM invoice WHERE {TO_REFUND}").fetchone()[0])
