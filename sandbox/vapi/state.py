"""The sections of the state page about Vapi, and the state saved across restarts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sandbox.stripe.state import Section
from sandbox.vapi.books import KINDS, Habits
from sandbox.vapi.provider import Vapi

SHOWN = (
    ("Assistants", "assistant", {"Id": "id", "Name": "name", "Version": "latestVersion"}),
    ("Squads", "squad", {"Id": "id", "Name": "name"}),
    ("Voice numbers", "phone-number", {"Id": "id", "Number": "number", "Status": "status"}),
    ("SIP trunks", "credential", {"Id": "id", "Name": "name"}),
    ("Tools", "tool", {"Id": "id", "Type": "type"}),
    ("Files", "file", {"Id": "id", "Name": "name", "Status": "status"}),
    ("Calls", "call", {"Id": "id", "Status": "status", "Ended": "endedReason", "USD": "cost"}),
    ("Chats", "chat", {"Id": "id", "Input": "input", "USD": "cost"}),
)
KEPT = ("tables", "versions", "private", "bills", "callers", "told", "last_moment")


def sections(vapi: Vapi, at_most: int) -> Iterator[tuple[Section, int]]:
    """Yield one table for each kind, newest first, with its full count."""
    for title, kind, columns in SHOWN:
        rows = list(vapi.books.each(kind))
        cells = [tuple(row.get(name) for name in columns.values()) for row in rows[::-1][:at_most]]
        yield Section(title, tuple(columns), cells), len(rows)


def saved(vapi: Vapi) -> dict[str, Any]:
    """Return everything to save, as JSON values."""
    books = vapi.books
    return {
        **{name: getattr(books, name) for name in KEPT},
        "keys": sorted(books.keys),
        "public_keys": sorted(books.public_keys),
        "habits": asdict(books.habits),
    }


def restore(vapi: Vapi, state: dict[str, Any]) -> None:
    """Restore saved state; callers hold the lock."""
    for name in KEPT:
        setattr(vapi.books, name, state.get(name, getattr(vapi.books, name)))
    vapi.books.tables = {kind: {} for kind in KINDS} | vapi.books.tables  # older files
    vapi.books.keys |= set(state["keys"])
    vapi.books.public_keys |= set(state.get("public_keys", ()))
    vapi.books.habits = Habits(**state["habits"])
