"""Tools at Vapi that search knowledge files. A tool has neither name nor metadata, so our tag is
the name of its knowledge base.
"""

from datetime import datetime
from typing import Any

from providers.vapi import client
from providers.vapi.client import Json, object_path
from providers.vapi.lists import listed

KIND = "tool"


def create_tool(request: Json) -> Json:
    """Create a tool from a body that `rules.deployment.query_tool` rendered."""
    return client.post(f"/{KIND}", request)


def get_tool(tool_id: str) -> Json:
    """Fetch a tool."""
    return client.checked_object(client.get(object_path(KIND, tool_id)))


def update_tool(tool_id: str, request: Json) -> Json:
    """Replace a tool; `request` is the whole body."""
    return client.patch(object_path(KIND, tool_id), request)


def find_tool(tag: str, since: datetime | None = None) -> Json | None:
    """Find the tool that carries our tag, among those created since a time."""
    return next((row for row in list_tools(since) if tag in _tags(row)), None)


def list_tools(since: datetime | None = None) -> list[Json]:
    """List every tool, newest first."""
    return listed(f"/{KIND}", since)


def delete_tool(tool_id: str) -> None:
    """Delete a tool; see `client.delete` for one that an assistant still uses."""
    client.delete(object_path(KIND, tool_id))


def _tags(tool: Json) -> list[Any]:
    held = tool.get("knowledgeBases")
    bases = held if isinstance(held, list) else []
    return [base.get("name") for base in bases if isinstance(base, dict)]
