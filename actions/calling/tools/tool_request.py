"""A tool's input: the call, the model's arguments, and what was said in the call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.calling.call import Call
from rules.calling.tool_payloads import Json, ToolInvocation, Utterance


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """One call of a tool. `call` has its account loaded; `at_vapi` is the call as sent by Vapi, and
    `heard` reads what was said in it so far.
    """

    call: Call
    called: ToolInvocation
    at_vapi: Json
    heard: Callable[[], tuple[Utterance, ...]]

    @property
    def actor(self) -> str:
        """The actor recorded in the audit log."""
        return f"call:{self.call.id}"

    @property
    def line(self) -> str:
        """The customer's end of the call."""
        return self.call.line

    @property
    def carrier_id(self) -> str:
        """The carrier's id of the call as sent by Vapi, or ""."""
        transport = self.at_vapi.get("transport")
        places = (transport if isinstance(transport, dict) else {}).get("callSid")
        found = places or self.at_vapi.get("phoneCallProviderId")
        return found[:64] if isinstance(found, str) else ""

    def text(self, name: str) -> str:
        """An argument as a short text, or "" if it is missing or no text."""
        value: Any = self.called.arguments.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value).strip()[:200]
