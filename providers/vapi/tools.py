"""Tools at Vapi: `query` looks into knowledge files, `function` asks our server.

A tool has neither name nor metadata. Our tag is the name of a query tool's knowledge base, and a
static parameter of a function: Vapi sends it with each call, and no model sees it.
"""

from datetime import datetime
from typing import Any

from providers.vapi import client
from providers.vapi.client import Json, place
from providers.vapi.lists import listed, name

KIND = "tool"
TAG = "attempt_id"


def query_tool(function_name: str, description: str, file_ids: list[str], tag: str) -> Json:
    """The body of a tool that answers from files. A system prompt has to name `function_name`, or
    it is never used; `description` says what the files hold.
    """
    base = {
        "provider": "google",
        "name": name(tag),
        "description": description,
        "fileIds": file_ids,
    }
    return {"type": "query", "function": {"name": function_name}, "knowledgeBases": [base]}


def function_tool(function: Json, url: str, parameters: Json, tag: str) -> Json:
    """The body of a tool that asks `url` of ours. `function` has name, description and parameters
    as the model sees them; `parameters` are static values that the model neither sees nor changes.
    """
    fixed = [{"key": key, "value": value} for key, value in (parameters | {TAG: tag}).items()]
    return {"type": "function", "function": function, "server": {"url": url}, "parameters": fixed}


def create_tool(request: Json) -> Json:
    """Make a tool from a body such as `query_tool` renders."""
    return client.post(f"/{KIND}", request)


def get_tool(tool_id: str) -> Json:
    """A tool as it stands."""
    return client.an_object(client.get(place(KIND, tool_id)))


def update_tool(tool_id: str, request: Json) -> Json:
    """Change a tool; `request` is the whole body."""
    return client.patch(place(KIND, tool_id), request)


def find_tool(tag: str, since: datetime | None = None) -> Json | None:
    """The tool that carries our tag, among those created since a time."""
    return next((row for row in list_tools(since) if tag in _tags(row)), None)


def list_tools(since: datetime | None = None) -> list[Json]:
    """Every tool, newest first."""
    return listed(f"/{KIND}", since)


def delete_tool(tool_id: str) -> None:
    """Take a tool away; see `client.delete` for one that an assistant still has."""
    client.delete(place(KIND, tool_id))


def _tags(tool: Json) -> list[Any]:
    bases, parameters = (
        [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []
        for held in (tool.get("knowledgeBases"), tool.get("parameters"))
    )
    return [base.get("name") for base in bases] + [
        each.get("value") for each in parameters if each.get("key") == TAG
    ]
