"""What a tool is asked: the call, the model's arguments, and what was said in the call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.calling.call import Call
from rules.calling.tools_payload import Json, Said, ToolCalled


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """One call of a tool. The call has its account with it; `at_vapi` is the call as Vapi tells of
    it, and `heard` reads what was said in it so far.
    """

    call: Call
    called: ToolCalled
    at_vapi: Json
    heard: Callable[[], tuple[Said, ...]]

    @property
    def actor(self) -> str:
        """Who acts, for the audit log."""
        return f"call:{self.call.id}"

    @property
    def line(self) -> str:
        """The other end's number in E.164, or what it is said to be."""
        return self.call.to if self.call.direction == "outbound" else self.call.from_number

    @property
    def carrier_id(self) -> str:
        """The carrier's id of the call, as Vapi tells it; empty where it does not."""
        transport = self.at_vapi.get("transport")
        places = (transport if isinstance(transport, dict) else {}).get("callSid")
        found = places or self.at_vapi.get("phoneCallProviderId")
        return found[:64] if isinstance(found, str) else ""

    def text(self, name: str) -> str:
        """An argument as a short text; empty where it is none."""
        value: Any = self.called.arguments.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value).strip()[:200]
