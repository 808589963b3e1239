"""The stand-in's state: an organization's objects by kind, versions of assistants, bills."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sandbox.shared import Shared
from sandbox.vapi.errors import Json, missing

MAGIC_KEY = "sandbox-vapi-key"
PUBLIC_KEY = "sandbox-vapi-public-key"
KINDS = (
    "file",
    "tool",
    "assistant",
    "squad",
    "phone-number",
    "chat",
    "credential",
    "call",
)


@dataclass
class Habits:
    """How the stand-in behaves where Vapi is slow or its behaviour is undocumented; in seconds.

    `rings_after`, `rings_for` and `talks_for` are how long a call waits, rings and lasts;
    `concurrency` is how many calls there can be at once. `silent` lists message types about calls
    that are never sent, separated by commas; `tool_shape` is the shape of every tool call, which
    otherwise take turns. `days_ahead` is how far callers' calendars run ahead.

    `patch_publishes`: a PATCH publishes a version at once; otherwise it makes a draft, and calls
    use the version before.
    """

    read_after: int = 0
    active_after: int = 0
    patch_publishes: bool = True
    rings_after: int = 0
    rings_for: int = 0
    talks_for: int = 0
    concurrency: int = 10
    silent: str = ""
    tool_shape: str = ""
    days_ahead: float = 0

    def update(self, changes: Json) -> None:
        """Change some habits; raises ``ValueError`` for an unknown one."""
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown habit {name!r}; known: {', '.join(sorted(known))}")
            setattr(self, name, type(getattr(self, name))(value))


@dataclass
class Books:
    """All state, except clocks."""

    shared: Shared
    keys: set[str] = field(default_factory=lambda: {MAGIC_KEY})
    public_keys: set[str] = field(default_factory=lambda: {PUBLIC_KEY})
    habits: Habits = field(default_factory=Habits)
    tables: dict[str, dict[str, Json]] = field(default_factory=lambda: {k: {} for k in KINDS})
    versions: dict[str, list[Json]] = field(default_factory=dict)
    private: dict[str, Json] = field(default_factory=dict)
    bills: list[Json] = field(default_factory=list)
    # callers' scripts and details by number; "" is for all other numbers
    callers: dict[str, Json] = field(default_factory=dict)
    # control messages to the assistants of calls, oldest first
    told: list[Json] = field(default_factory=list)
    last_moment: int = 0
    org: str = "5a0d0000-0000-4000-8000-000000000000"

    def id(self) -> str:
        """Create an identifier."""
        return str(uuid.UUID(bytes=self.shared.ids.token(16).encode(), version=4))

    def moment(self) -> str:
        """Return the current time in Vapi's format; each call returns a later one."""
        now = max(self.shared.now() * 1000, self.last_moment + 1)
        self.last_moment = now
        then = datetime.fromtimestamp(now / 1000, UTC)
        return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def find(self, kind: str, id: str) -> Json:
        """Return an object, or raise a 404."""
        found = self.tables[kind].get(id)
        if found is None:
            raise missing(kind, id)
        return found

    def each(self, kind: str) -> Iterator[Json]:
        """Yield the objects of a kind, oldest first."""
        yield from self.tables[kind].values()

    def keep(self, kind: str, known: Json) -> Json:
        """Create and store an object."""
        now = self.moment()
        made = {**known, "id": self.id(), "orgId": self.org, "createdAt": now, "updatedAt": now}
        self.tables[kind][made["id"]] = made
        return made

    def change(self, kind: str, id: str, changes: Json) -> Json:
        """Replace members of an object, each as a whole."""
        found = self.find(kind, id)
        found.update(changes)
        found["updatedAt"] = self.moment()
        return found

    def drop(self, kind: str, id: str) -> Json:
        """Delete an object and return it, as Vapi's DELETE does."""
        self.private.pop(id, None)
        return self.tables[kind].pop(id)

    def bill(self, what: str, id: str, usd: float) -> None:
        """Record what Vapi would charge."""
        self.bills.append({"what": what, "id": id, "usd": usd, "at": self.shared.now()})

    def billed(self) -> dict[str, Any]:
        """Return everything that Vapi would charge so far, and the total in USD."""
        return {"bills": self.bills, "usd": round(sum(each["usd"] for each in self.bills), 6)}
