"""Rows that grow old in a storm, and the rules about that: what is due is deleted or erased, what
is not due stays, and money and evidence stay for ever.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg

from tests.storm.calls import AGAIN
from tests.storm.client import Json
from tests.storm.evidence import Evidence
from tests.storm.load import Actor

DAY = 86_400_000_000  # microseconds
# table: the column that dates it, its age in days, and which rows may be aged
AGED = {
    "call": ("created_at", 91, "transcript <> '' AND state = 'ended'"),
    # not what the load runs once more, by its last run
    "staged_job": ("finished_at", 32, "finished_at IS NOT NULL AND queue <> 'periodic'"),
    "port_document": ("created_at", 400, "true"),
}
FOR_EVER = ("payment", "refund", "effect", "consent", "opt_out", "promise", "message", "call")
FOR_EVER += ("contact_decision", "invoice", "inbox_event", "phone_line")


class Years(Actor):
    """Lets rows grow old, and has what is due deleted early."""

    pause = 1.5
    steps = (("age", 6), ("delete", 3), ("look", 2))

    def age(self) -> None:
        """Make a row older than it may become; a fault in the database can prevent it."""
        table = self.dice.choice([*AGED])
        column, days, which = AGED[table]
        database = self.world.town.database
        with suppress(sqlite3.Error, psycopg.Error, OSError):
            rows = database.rows(f"SELECT id FROM {table} WHERE {which} ORDER BY id LIMIT 500")
            if rows:
                row_id = self.dice.choice(rows)["id"]
                named = f"id = '{row_id}'" if isinstance(row_id, str) else f"id = {row_id}"
                database.write(
                    f"UPDATE {table} SET {column} = {column} - {days * DAY} WHERE {named}"
                )

    def delete(self) -> None:
        with suppress(sqlite3.Error, psycopg.Error, OSError):
            self.world.town.database.write(AGAIN.format(job="delete_expired_rows"))

    def look(self) -> None:
        """Note rows that have to be there for ever."""
        for table in FOR_EVER:
            with suppress(sqlite3.Error, psycopg.Error, OSError):
                rows = self.world.town.database.rows(f"SELECT id FROM {table}")
                self.records.noted.setdefault(table, set()).update(row["id"] for row in rows)


def overdue(evidence: Evidence) -> Iterator[str]:
    """What has grown old is gone: of a call what was said, of a bill its content unless it may be
    needed, and of a job its row.
    """
    needed = {row["account_id"] for row in evidence.of("deployment") if row["holds_slot"]}
    for row in grown_old(evidence, "port_document"):
        if row["content"] is not None and row["account_id"] not in needed:
            yield f"bill {row['id']} is too old, and is still there"
    for row in grown_old(evidence, "staged_job"):
        if row["state"] in {"done", "cancelled"}:
            yield f"job {row['id']} ({row['name']}) is too old, and is still there"
    for call in grown_old(evidence, "call"):
        if call["transcript"] or call["summary"] or call["is_recorded"]:
            yield f"call {call['id']} is too old, and holds what was said in it"
    yield from _copied(evidence)


def _copied(evidence: Evidence) -> Iterator[str]:
    """Other rows that name an old call, and hold what was said in it."""
    old = {call["vapi_id"]: call["id"] for call in grown_old(evidence, "call") if call["vapi_id"]}
    said = {
        (old[row["id"]], row["id"], json.dumps(words)[1:-1])
        for row in (*evidence.calls, *evidence.came_in)
        for words in ((row.get("artifact") or {}).get("transcript"), _summary(row))
        if row["id"] in old and words
    }
    for table, rows in evidence.rows.items():
        for text in (json.dumps(row, default=str) for row in rows if said and table != "call"):
            for call_id, vapi_id, words in said:
                if words in text and (call_id in text or vapi_id in text):
                    yield f"call {call_id} is too old, and what was said in it is in {table}"


def _summary(row: Json) -> str:
    return str((row.get("analysis") or {}).get("summary") or "")


def grown_old(evidence: Evidence, table: str) -> list[Json]:
    """Return a table's rows that were made older than they may become."""
    column, days, _ = AGED[table]
    before = evidence.now - (days - 1) * DAY
    return [row for row in evidence.of(table) if row.get(column) and row[column] < before]


def kept(evidence: Evidence) -> Iterator[str]:
    """Money and evidence are never deleted, and nothing is before its time."""
    for table, noted in evidence.noted.items():
        gone = noted - set(evidence.by_id(table))
        if gone:
            yield f"{len(gone)} rows of {table} are gone, such as {min(map(str, gone))}"
    old = {call["id"] for call in grown_old(evidence, "call")}
    at_vapi = {row["id"]: row for row in evidence.calls}
    for call in evidence.of("call"):
        placed = at_vapi.get(call.get("vapi_id"), {})
        said = (placed.get("artifact") or {}).get("transcript")
        if call["id"] not in old and said and call["reported_at"] and not call["transcript"]:
            yield f"call {call['id']} has lost what was said in it"


RETENTION_RULES: tuple[Callable[[Evidence], Iterator[str]], ...] = (overdue, kept)
