"""The calendars and practices behind Google, Open Dental and NexHealth, and their answers."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sandbox.integrations.errors import IntegrationError
from sandbox.shared import Shared


@dataclass
class Practice:
    """Calendars, slots and keys: everything that is not an OAuth server's.

    ``busy``: pairs of times with offset · ``slots``: pairs of local times, as from Open Dental ·
    ``starts``: times with offset, as from NexHealth.
    """

    shared: Shared
    calendar: str = "Bright Smile Dental"
    unreadable: bool = False
    busy: list[list[str]] = field(default_factory=list)
    slots: list[list[str]] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    key_pairs: set[str] = field(default_factory=set)  # developerKey/customerKey
    api_keys: set[str] = field(default_factory=set)
    tokens: dict[str, int] = field(default_factory=dict)  # NexHealth's, with their expiry
    lasts: int = 3600

    def calendars(self) -> dict[str, Any]:
        """Return Google's list of calendars."""
        own = {"id": "clinic@example.com", "summary": self.calendar, "primary": True}
        return {"kind": "calendar#calendarList", "items": [own | {"accessRole": "owner"}]}

    def free_busy(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return Google's busy times, in UTC, clipped to the requested period."""
        begins, ends = (datetime.fromisoformat(asked[name]) for name in ("timeMin", "timeMax"))
        ids = [item["id"] for item in asked["items"]]
        if not begins < ends:
            raise IntegrationError(400, {"error": {"errors": [{"reason": "timeRangeEmpty"}]}})
        taken = [
            {"start": _utc(max(start, begins)), "end": _utc(min(end, ends))}
            for start, end in (
                [datetime.fromisoformat(text) for text in pair] for pair in self.busy
            )
            if start < ends and begins < end
        ]
        found: dict[str, Any] = {"busy": taken}
        if self.unreadable:
            found = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
        return {"kind": "calendar#freeBusy", "calendars": dict.fromkeys(ids, found)}

    def open_dental_slots(self, authorization: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Return Open Dental's openings, in the practice's local time."""
        scheme, _, pair = authorization.partition(" ")
        if scheme != "ODFHIR" or pair not in self.key_pairs:
            raise IntegrationError(401, "Invalid API key.")
        days = (query["dateStart"], query["dateEnd"])
        return [
            {"DateTimeStart": begins, "DateTimeEnd": ends, "ProvNum": 1, "OpNum": 1}
            for begins, ends in self.slots
            if days[0] <= begins[:10] <= days[1]
        ]

    def authenticate(self, api_key: str) -> dict[str, Any]:
        """Return NexHealth's bearer token, which looks like a JWT."""
        if api_key not in self.api_keys:
            raise IntegrationError(401, {"code": False, "error": ["Unauthorized"], "data": None})
        head, body = (
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
            for part in ({"alg": "HS256"}, {"sub": "1", "jti": self.shared.ids.token(12)})
        )
        token = f"{head}.{body}.{self.shared.ids.token(43)}"
        self.tokens[token] = self.shared.now() + self.lasts
        return {"code": True, "data": {"token": token}, "description": "Authenticated", "error": []}

    def nexhealth_slots(self, authorization: str, query: dict[str, str]) -> dict[str, Any]:
        """Return NexHealth's openings at one location."""
        if self.tokens.get(authorization.removeprefix("Bearer "), 0) <= self.shared.now():
            raise IntegrationError(401, {"code": False, "error": ["Unauthorized"], "data": None})
        if not query.get("subdomain") or not query.get("lids[]"):
            raise IntegrationError(400, {"code": False, "error": ["Missing"], "data": None})
        first = date.fromisoformat(query["start_date"])
        last = first + timedelta(days=int(query["days"]) - 1)
        slots = [
            {"time": text, "operatory_id": 1, "provider_id": 7}
            for text in self.starts
            if first.isoformat() <= text[:10] <= last.isoformat()
        ]
        row = {"lid": int(query["lids[]"]), "pid": 7, "slots": slots, "next_available_date": None}
        return {"code": True, "description": None, "error": [], "data": [row]}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
