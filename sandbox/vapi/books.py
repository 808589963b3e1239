"""What the stand-in knows: an organization's objects by kind, versions of assistants, bills."""

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
    """How the stand-in behaves where Vapi takes its time, or does not say what it does; seconds.

    `rings_after`, `rings_for` and `talks_for` are how long a call waits, rings and lasts;
    `concurrency` is how many there may be at once. `silent` names messages about calls that are
    never sent, with commas between; `tool_shape`, the shape of every call of a tool; without it
    they take turns. `days_ahead` is how far callers' calendars run ahead.

    `patch_publishes`: a PATCH is a new version at once; otherwise it is a draft, and calls follow
    the version before.
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
        """Change some; raises ``ValueError`` for what is none."""
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown habit {name!r}; known: {', '.join(sorted(known))}")
            setattr(self, name, type(getattr(self, name))(value))


@dataclass
class Books:
    """All state, apart from clocks."""

    shared: Shared
    keys: set[str] = field(default_factory=lambda: {MAGIC_KEY})
    public_keys: set[str] = field(default_factory=lambda: {PUBLIC_KEY})
    habits: Habits = field(default_factory=Habits)
    tables: dict[str, dict[str, Json]] = field(default_factory=lambda: {k: {} for k in KINDS})
    versions: dict[str, list[Json]] = field(default_factory=dict)
    private: dict[str, Json] = field(default_factory=dict)
    bills: list[Json] = field(default_factory=list)
    # scripts by number, with what their callers say of themselves; of all others by ""
    callers: dict[str, Json] = field(default_factory=dict)
    # what was said to the assistants of calls, oldest first
    told: list[Json] = field(default_factory=list)
    last_moment: int = 0
    org: str = "5a0d0000-0000-4000-8000-000000000000"

    def id(self) -> str:
        """Draw an identifier."""
        return str(uuid.UUID(bytes=self.shared.ids.token(16).encode(), version=4))

    def moment(self) -> str:
        """Now, as Vapi writes times; no two are the same."""
        now = max(self.shared.now() * 1000, self.last_moment + 1)
        self.last_moment = now
        then = datetime.fromtimestamp(now / 1000, UTC)
        return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def find(self, kind: str, id: str) -> Json:
        """An object; raises for one that is not there."""
        found = self.tables[kind].get(id)
        if found is None:
            raise missing(kind, id)
        return found

    def each(self, kind: str) -> Iterator[Json]:
        """Everything of a kind, oldest first."""
        yield from self.tables[kind].values()

    def keep(self, kind: str, known: Json) -> Json:
        """Make and keep an object."""
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
        """Take an object away; it is what a DELETE answers."""
        self.private.pop(id, None)
        return self.tables[kind].pop(id)

    def bill(self, what: str, id: str, usd: float) -> None:
        """Note what Vapi would charge for something."""
        self.bills.append({"what": what, "id": id, "usd": usd, "at": self.shared.now()})

    def billed(self) -> dict[str, Any]:
        """What Vapi would charge so far, in USD."""
        return {"bills": self.bills, "usd": round(sum(each["usd"] for each in self.bills), 6)}
