"""One Stripe account: its objects, and the events it emits."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.shared import Shared
from sandbox.stripe.errors import Json, missing
from sandbox.stripe.shapes import PREFIXES, kind_of, shaped

API_VERSION = "2026-10-28.endive"
Announce = Callable[["Account", Json], None]


@dataclass
class Cause:
    """The request being served: events name it, and links use its address."""

    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = ""


@dataclass
class Account:
    """Tables of objects by kind and id, oldest first; ``private`` holds what Stripe never shows."""

    id: str
    shared: Shared
    announce: Announce
    cause: Cause
    tables: dict[str, dict[str, Json]] = field(default_factory=dict)
    private: dict[str, Json] = field(default_factory=dict)

    def now(self) -> int:
        """Business time in seconds."""
        return self.shared.now()

    def new(self, kind: str, *, id: str | None = None, **fields: Any) -> Json:
        """Create and store an object with all the fields of its kind."""
        made_id = id or self.shared.ids.new(
            PREFIXES[kind], 58 if kind == "checkout.session" else 24
        )
        made = shaped(kind, **{"id": made_id, "created": self.now(), **fields})
        self.tables.setdefault(kind, {})[made_id] = made
        return made

    def get(self, kind: str, id: str, param: str = "id") -> Json:
        """Return an object, or raise Stripe's ``resource_missing``, which names ``param``.

        A live-mode object counts as missing, because the stand-in only takes test keys.
        """
        found = self.tables.get(kind, {}).get(id)
        if found is None or found.get("livemode"):
            raise missing(kind, id, param, elsewhere=found is not None)
        return found

    def find(self, id: str) -> Json | None:
        """Return an object of any kind by its id, or None."""
        return self.tables.get(kind_of(id) or "", {}).get(id)

    def each(self, kind: str, **wanted: Any) -> Iterator[Json]:
        """Yield the objects of a kind whose fields equal the wanted ones, oldest first."""
        for candidate in list(self.tables.get(kind, {}).values()):
            if all(candidate.get(name) == value for name, value in wanted.items()):
                yield candidate

    def secret(self, id: str) -> Json:
        """Return the private notes on an object, creating them if needed."""
        return self.private.setdefault(id, {})

    def emit(self, type: str, subject: Json, previous: Json | None = None) -> Json:
        """Create an event with a frozen copy of the object, and announce it to the endpoints."""
        content: Json = {"object": json.loads(json.dumps(subject))}
        if previous is not None:
            content["previous_attributes"] = previous
        event = self.new(
            "event", type=type, api_version=API_VERSION, data=content, request=self._request()
        )
        self.announce(self, event)
        return event

    def _request(self) -> Json:
        """The request that caused an event, as the event names it."""
        return {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key}

    def change(self, subject: Json, type: str | None = None, **fields: Any) -> Json:
        """Set fields; if ``type`` is given and any differs, emit that event with the previous
        values.
        """
        previous = {
            name: copy.deepcopy(subject.get(name))
            for name, value in fields.items()
            if subject.get(name) != value
        }
        subject.update(fields)
        if type and previous:
            self.emit(type, subject, previous)
        return subject


def merged(old: Json, changes: Any) -> Json:
    """Apply an update to metadata: an empty value unsets a key, an empty string unsets all."""
    if changes == "":
        return {}
    return {key: value for key, value in {**old, **(changes or {})}.items() if value != ""}
