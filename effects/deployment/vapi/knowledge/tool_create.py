"""A query tool is made at Vapi, by which a receptionist looks into its clinic's files."""

from effects.deployment.vapi.vapi_objects import creation
from effects.kind import Json
from providers.vapi import tools


def _carries(tool: Json, tag: str) -> bool:
    return any(base.get("name") == tag for base in tool.get("knowledgeBases") or [])


TOOL_CREATE = creation(
    "tool_create",
    "Make a query tool at Vapi",
    create=lambda effect: tools.create_tool(effect.request["body"]),
    find=tools.find_tool,
    read=tools.get_tool,
    carries=_carries,
    undone_by="tool_delete",
)
